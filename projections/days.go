package projections

import (
	"errors"
	"slices"
	"strconv"

	"sical-backend/events"
)

// Days is a set of days in their order. In JSON it is the first day, counted from
// 1970-01-01, and the gaps between one and the next: a byte or two a day.
type Days []events.Date

// add puts a day into the set; mostly it is the latest or already there.
func (s *Days) add(day events.Date) {
	if n := len(*s); n == 0 || (*s)[n-1] < day {
		*s = append(*s, day)
		return
	}
	if at, found := slices.BinarySearch(*s, day); !found {
		*s = slices.Insert(*s, at, day)
	}
}

// MarshalJSON writes the first day and the gaps.
func (s Days) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 8+3*len(s)), '[')
	before := events.Date(0)
	for i, day := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(day-before), 10)
		before = day
	}
	return append(b, ']'), nil
}

var errDays = errors.New("expected an array of a day and gaps")

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Days) UnmarshalJSON(b []byte) error {
	*s = (*s)[:0]
	if len(b) < 2 || b[0] != '[' || b[len(b)-1] != ']' {
		return errDays
	}
	for rest := b[1 : len(b)-1]; len(rest) > 0; {
		end := slices.Index(rest, ',')
		if end < 0 {
			end = len(rest)
		}
		n, err := strconv.ParseInt(string(rest[:end]), 10, 32)
		if err != nil || len(*s) > 0 && n <= 0 {
			return errDays
		}
		day := events.Date(n)
		if len(*s) > 0 {
			day += (*s)[len(*s)-1]
		}
		*s = append(*s, day)
		rest = rest[min(end+1, len(rest)):]
	}
	return nil
}

// spells calls f with each day and the number of days until the next one, at most
// longest, which also stands for no next one. Of a window that is no longer, the
// days whose next one lies beyond its end are the last in it: one for each set
// that has any there. So distinct learners are counted by adding up.
func (s Days) spells(longest events.Date, f func(day, gap events.Date)) {
	for i, day := range s {
		gap := longest
		if i+1 < len(s) {
			gap = min(longest, s[i+1]-day)
		}
		f(day, gap)
	}
}
