package projector

import (
	"cmp"
	"fmt"

	"sical-backend/projections"
)

// Unit is what is owned and folded by itself: a shard of a build.
type Unit struct {
	projections.Build
	Shard int
}

func (u Unit) String() string { return fmt.Sprintf("%s s%d", u.Build, u.Shard) }

// compare orders units, for the same sharing out by everyone.
func (u Unit) compare(o Unit) int {
	return cmp.Or(
		cmp.Compare(u.View, o.View), cmp.Compare(u.Version, o.Version), cmp.Compare(u.Number, o.Number), cmp.Compare(u.Shard, o.Shard))
}

// args are the unit's name and what follows it, as arguments of a statement.
func (u Unit) args(more ...any) []any {
	return append([]any{u.View, u.Version, u.Number, u.Shard}, more...)
}
