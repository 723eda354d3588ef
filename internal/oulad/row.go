package oulad

import (
	"fmt"
	"strconv"

	"sical-backend/events"
)

// maxDay bounds a day on either side of a presentation's start: what lies ten
// years away is a misprint.
const maxDay = 3650

// row is one data line. Its readers remember the first thing that is wrong, so
// that a line is read in one go and judged once.
type row struct {
	Place
	report *Report
	names  []string // of the fields
	fields []string
	err    error
}

func (r *row) take(all []string, at []int) {
	r.fields, r.err = r.fields[:0], nil
	for _, i := range at {
		r.fields = append(r.fields, all[i])
	}
}

// refused tells whether anything was wrong, and reports it.
func (r *row) refused() bool {
	if r.err == nil {
		return false
	}
	r.report.Refuse(r.Place, r.err.Error())
	return true
}

// fail makes a reason the first thing wrong, unless something was before.
func (r *row) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *row) repair(reason string) { r.report.repair(r.Place, reason) }

// missing tells whether a field was left open.
func (r *row) missing(i int) bool { return r.fields[i] == "" || r.fields[i] == "?" }

// word reads a text that must be there.
func (r *row) word(i int) string {
	if r.missing(i) {
		r.fail("%s is missing", r.names[i])
	}
	return r.fields[i]
}

// number reads a whole number from least to most.
func (r *row) number(i, least, most int) int {
	text := r.word(i)
	n, err := strconv.Atoi(text)
	if err != nil {
		r.fail("%s %q is no whole number", r.names[i], text)
	} else if n < least || n > most {
		r.fail("%s %d is not between %d and %d", r.names[i], n, least, most)
	}
	return n
}

// key reads the number that names a person, page or assessment.
func (r *row) key(i int) int { return r.number(i, 0, 1<<31-1) }

// day reads a day counted from the presentation's start.
func (r *row) day(i int) int { return r.number(i, -maxDay, maxDay) }

// decimal reads a number with at most two decimal places.
func (r *row) decimal(i int) events.Hundredths {
	text := r.word(i)
	n, err := events.ParseHundredths(text)
	if err != nil {
		r.fail("%s %q is no number with at most two decimal places", r.names[i], text)
	}
	return n
}

// presentation finds the presentation whose module and code stand at i and i+1.
func (r *row) presentation(s *source, i int) *presentation {
	p := s.presentations[[2]string{r.fields[i], r.fields[i+1]}]
	if p == nil {
		r.fail("unknown presentation %s %s", r.fields[i], r.fields[i+1])
	}
	return p
}
