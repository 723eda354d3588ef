//go:build raised

package projections

import (
	"strings"

	"sical-backend/events"
)

// A program built with the tag raised knows a later version of the goal view, with
// another fold and a column more: for the test that has it run beside one that does not.
func init() {
	fold := Goal.fold
	Goal.Version++
	Goal.Reads = Goal.Version
	Goal.Columns = append(Goal.Columns, textColumn("loud", func(r *GoalRow) string { return r.Category }))
	Goal.fold = func(k Key, r Row, e events.Event) (Row, bool) {
		row, stays := fold(k, r, e)
		row.(*GoalRow).Category = strings.ToUpper(row.(*GoalRow).Category)
		return row, stays
	}
}
