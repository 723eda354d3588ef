// Package oulad reads the Open University Learning Analytics files (Kuzilek,
// Hlosta, Zdrahal, Scientific Data 4:170171, 2017, CC BY 4.0) as commands: what
// its people did, told in this system's words, in one fixed order.
//
//	student             a user, oulad-<id>, without e-mail or credentials
//	page (vle)          a knowledge point
//	presentation        a published path of its pages
//	enrolment           a goal with that path, started at registration
//	student assessment  an assessment, submitted and graded
//	clicks in a day     study of kind "click"
//
// Days in the files count from the start of a presentation: 1 February for one
// whose code ends in B, 1 October for J, in UTC. What is missing is put in its
// place and reported: a registration is day 0; a withdrawal and an exam's date
// are the presentation's end. A line that cannot be read is reported and left
// out.
package oulad
