// Package query answers questions about the views. A file of questions is named as the view
// that they are about, or as what is asked: who may see what, what is read of the view and
// composed from others, and the answer rendered to JSON; and beside it the names under which
// the answer may be kept, and what outdates it. Most are of two kinds: one makes a question
// for a row by its id, ask for a page of a list. An Answerer answers them, as far as
// internal/admission lets them in; internal/reading reads the rows.
package query
