package projections

import "sical-backend/events"

// Everyone is the scope of all rows of a view.
const Everyone = "all"

// OfUser is the scope of one user's rows.
func OfUser(id events.ID) string { return "of/" + id.String() }

// Count names the number of rows in a scope with a status, "" where the scope is
// not counted by it, and, where category is not empty, a category. A question
// about any status adds up all of them: one sum a row to write is worth five to
// read.
func Count(scope, status, category string) string {
	return scope + "\x1f" + status + "\x1f" + category
}

// counts adds one to every count that a row with this status and category is in.
func counts(totals []Total, scope, status, category string) []Total {
	totals = append(totals, Total{Count(scope, status, ""), 1})
	if category != "" {
		totals = append(totals, Total{Count(scope, status, category), 1})
	}
	return totals
}
