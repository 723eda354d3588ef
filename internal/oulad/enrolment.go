package oulad

import (
	"time"

	"sical-backend/events"
)

// enrolment is one student in one presentation.
type enrolment struct {
	Place
	student      *student
	presentation *presentation
	goal         events.ID
	result       result
	started      time.Time
	withdrawn    time.Time // of result Withdrawn; elsewhere nobody asks
	registration bool      // its line was seen
}

type enrolmentKey struct {
	student      int
	presentation *presentation
}

// result is how an enrolment ended, as the files spell it.
type result string

const (
	pass        result = "Pass"
	distinction result = "Distinction"
	fail        result = "Fail"
	withdrawn   result = "Withdrawn"
)

func (s *source) loadEnrolments() error {
	s.enrolled = map[enrolmentKey]*enrolment{}
	students := map[int]*student{}
	for r, err := range s.table(s.files[studentInfo], "code_module", "code_presentation", "id_student", "final_result") {
		if err != nil {
			return err
		}
		p, number, outcome := r.presentation(s, 0), r.key(2), resultOf(r)
		key := enrolmentKey{number, p}
		if twin := s.enrolled[key]; twin != nil {
			r.fail("the enrolment stands in line %d already", twin.Number)
		}
		if r.refused() {
			continue
		}
		who := students[number]
		if who == nil {
			who = &student{Place: r.Place, number: number, id: derived(epoch, "user %d", number), since: p.start}
			students[number] = who
			s.students = append(s.students, who)
		}
		e := &enrolment{Place: r.Place, student: who, presentation: p, result: outcome, started: p.start, withdrawn: p.end}
		e.goal = derived(p.start, "goal %s %d", p.name(), number)
		s.enrolled[key] = e
		s.enrolments = append(s.enrolments, e)
	}
	return nil
}

func resultOf(r *row) result {
	switch v := result(r.fields[3]); v {
	case pass, distinction, fail, withdrawn:
		return v
	default:
		r.fail("%s %q is none of Pass, Distinction, Fail, Withdrawn", r.names[3], v)
		return ""
	}
}

func (s *source) loadRegistrations() error {
	for r, err := range s.table(s.files[studentRegistration], "code_module", "code_presentation", "id_student",
		"date_registration", "date_unregistration") {
		if err != nil {
			return err
		}
		e := r.enrolment(s, r.presentation(s, 0), 2)
		registered, left := 0, 0
		if !r.missing(3) {
			registered = r.day(3)
		}
		if !r.missing(4) {
			left = r.day(4)
		}
		if e != nil && e.registration {
			r.fail("the enrolment is registered already")
		}
		if r.refused() {
			continue
		}
		e.registration = true
		e.started = e.presentation.at(registered)
		if r.missing(3) {
			r.repair("no date of registration: day 0 taken")
		}
		if !r.missing(4) {
			e.withdrawn = e.presentation.at(left)
		} else if e.result == withdrawn {
			r.repair("no date of withdrawal: the end taken")
		}
	}
	for _, e := range s.enrolments {
		if !e.registration {
			s.report.repair(e.Place, "no line of registration: day 0 taken")
		}
		e.presentation.opened = earlier(e.presentation.opened, e.started)
		e.student.since = earlier(e.student.since, e.started)
	}
	return nil
}

// enrolment finds that of the student whose number stands at i.
func (r *row) enrolment(s *source, p *presentation, i int) *enrolment {
	number := r.key(i)
	e := s.enrolled[enrolmentKey{number, p}]
	if e == nil {
		r.fail("student %d is not enrolled in the presentation", number)
	}
	return e
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
