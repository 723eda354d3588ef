package projections

import (
	"strconv"

	"sical-backend/events"
)

// Everyone is the scope of all rows of a view.
const Everyone = "all"

// separator stands between the parts of a sum's name.
const separator = "\x1f"

// OfUser is the scope of one user's rows.
func OfUser(id events.ID) string { return named("of/", id) }

// Count names the number of rows in a scope with a status, "" where the scope is
// not counted by it, and, where category is not empty, a category. A question
// about any status adds up all of them: one sum a row to write is worth five to
// read.
func Count(scope, status, category string) string {
	return scope + separator + status + separator + category
}

// counts adds one to every count that a row with this status and category is in.
func counts(totals []Total, scope, status, category string) []Total {
	totals = append(totals, Total{Count(scope, status, ""), 1})
	if category != "" {
		totals = append(totals, Total{Count(scope, status, category), 1})
	}
	return totals
}

// Daily names a sum of one day. All sums of a kind from one day to before another
// are those whose names lie between the two days', as "C" collates.
func Daily(kind string, day events.Date) string { return kind + separator + day.String() }

// DailyOf names what Daily does, of one subject. A row has one for each of its days:
// it is made in one piece.
func DailyOf(kind string, day events.Date, subject events.ID) string {
	b := append(make([]byte, 0, 64), kind...)
	b = day.Append(append(b, separator...))
	return string(appendID(append(b, separator...), subject))
}

// Created is the kind of the daily sums of rows by the day they began.
const Created = "created"

// spell names the number of learners seen on a day, and next after a gap.
func spell(name string, gap events.Date) string {
	return name + separator + strconv.Itoa(int(gap))
}
