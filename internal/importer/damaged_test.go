package importer

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
)

// change does what only the owner of the tables may.
func (w *world) change(sql string, args ...any) {
	w.Helper()
	owner, err := pgx.Connect(w.Context(), w.db.AdminURL)
	require.NoError(w, err)
	defer func() { _ = owner.Close(context.Background()) }()
	_, err = owner.Exec(w.Context(), sql, args...)
	require.NoError(w, err)
}

// A damaged stream refuses the commands that need it, and ends no import.
func TestADamagedStreamEndsNoImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const damaged, whole, later = 0, 1, 2
	unexpected := func(err error) { t.Error(err) }
	run := func(list ...Item) (counts *Counts, err error) {
		counts = &Counts{}
		return counts, Run(t.Context(), w.dispatcher, func(yield func(Item, error) bool) {
			for _, item := range list {
				item.Lane = events.ID{}
				if !yield(item, nil) {
					return
				}
			}
		}, counts)
	}
	_, err := run(w.item("point.create", "x", damaged, 0, unexpected), w.item("point.create", "x", whole, 0, unexpected))
	require.NoError(t, err)
	w.change(`update sical.events set data = '{"title": 7}' where stream = $1`, events.StreamOf(events.KindPoint, id("point", damaged)))

	var told []error
	list := []Item{
		w.item("point.create", "a", later, 1, unexpected),
		w.item("point.revise", "b", damaged, 2, func(err error) { told = append(told, err) }),
		w.item("point.revise", "c", whole, 3, unexpected),
		w.item("point.revise", "d", later, 4, unexpected),
		w.item("point.revise", "e", whole, 5, unexpected),
	}
	counts, err := run(list...)
	require.NoError(t, err)
	require.Equal(t, []int64{4, 0, 1}, []int64{counts.Done.Load(), counts.Known.Load(), counts.Refused.Load()})
	require.Len(t, told, 1)
	require.ErrorAs(t, told[0], new(eventlog.EventError))

	// What a newer program wrote is not refused by an older one, which ends with what it could do.
	w.change(`update sical.events set schema = 99 where stream = $1`, events.StreamOf(events.KindPoint, id("point", damaged)))
	list[4] = w.item("point.revise", "f", whole, 6, unexpected)
	counts, err = run(list...)
	require.ErrorAs(t, err, new(events.UnknownType))
	require.Equal(t, []int64{1, 3, 0}, []int64{counts.Done.Load(), counts.Known.Load(), counts.Refused.Load()})
	require.Len(t, told, 1)
}
