package projector

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// besides is exact but for the events that are held back.
func (w *world) besides(v *projections.View, held func(events.Event) bool) {
	w.Helper()
	all := w.log
	defer func() { w.log = all }()
	w.log = slices.DeleteFunc(slices.Clone(all), held)
	w.exact(v)
}

// parks waits until so much of the view is parked, none of it to be tried again.
func (w *world) parks(v *projections.View, n int) []Park {
	w.Helper()
	var list []Park
	testkit.Eventually(w, func() (err error) {
		list, err = Parked(context.Background(), w.admin, v.Name)
		if err == nil && (len(list) != n || slices.ContainsFunc(list, func(p Park) bool { return p.Retry })) {
			return fmt.Errorf("%d parked: %v", len(list), list)
		}
		return err
	})
	return list
}

func (w *world) run(sql string, args ...any) {
	w.Helper()
	_, err := w.admin.Exec(context.Background(), sql, args...)
	require.NoError(w, err)
}

// broken stores an event of the stream that cannot be decoded, and returns what
// mends it.
func (w *world) broken(s events.Stream, owner events.ID, d events.Data) (mend func()) {
	e := w.event(s, 1, owner, d)
	healed := string(e.Raw)
	e.Raw = []byte(`7`)
	w.store([]events.Event{e})
	return func() {
		w.run(`update sical.events set data = $1::text::json where position = $2`, healed, e.Position)
	}
}

// TestUndecodableEventParksItsStream: also with rows that other streams go on to
// change, which then are to be folded in the log's order.
func TestUndecodableEventParksItsStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log testkit.Log
	_, stop := w.start(func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }, both...)
	w.some(40)
	learner, point := uuid.NewSHA1(uuid.Nil, []byte{1, 3}), uuid.NewSHA1(uuid.Nil, []byte{3})
	study := events.StreamOf(events.KindStudy, learner)
	mend := w.broken(study, learner, &events.Studied{Point: point, Amount: 5})
	w.store([]events.Event{w.event(events.StreamOf(events.KindAssessment, w.id()), 1, learner, &events.AssessmentSubmitted{Points: []events.ID{point}})})
	w.some(300)
	held := func(e events.Event) bool { return e.Stream == study && e.Position >= 41 }

	w.reaches(uint64(len(w.log)), both...)
	list := w.parks(projections.Progress.View, 1)
	require.Equal(t, string(study), list[0].Key)
	require.EqualValues(t, 41, list[0].Position)
	require.Contains(t, list[0].Error, "study")
	w.besides(projections.Progress.View, held)
	w.exact(projections.Goal.View)

	require.NoError(t, Retry(t.Context(), w.admin, projections.Progress.View, string(study)))
	list = w.parks(projections.Progress.View, 1)
	require.Equal(t, len(tries)+2, list[0].Attempts)
	w.besides(projections.Progress.View, held)
	stop()
	require.Equal(t, 1, log.Count("level=ERROR"))

	// Asked for while nobody folds, and before the next owner knows of anything.
	mend()
	require.NoError(t, Retry(t.Context(), w.admin, projections.Progress.View, ""))
	w.some(30)
	w.start(nil, both...)
	w.parks(projections.Progress.View, 0)
	w.reaches(uint64(len(w.log)), both...)
	w.exact(projections.Progress.View)
	require.ErrorIs(t, Retry(t.Context(), w.admin, projections.Progress.View, ""), ErrNotParked)
}

// TestRefusedRowsAreParked: what the database does not take, and what cannot be read
// back, holds back its key and nothing else.
func TestRefusedRowsAreParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil, both...)
	w.some(60)
	w.reaches(60, both...)
	table := projections.Goal.Build(1).Table()
	docs := stored[string](w, `select id::text, doc::text from `+table)
	ids := slices.Sorted(maps.Keys(docs))
	refused, unreadable := uuid.MustParse(ids[0]), uuid.MustParse(ids[1])
	w.run(`alter table ` + table + ` add constraint no check (id <> '` + refused.String() + `') not valid`)
	w.run(`update `+table+` set doc = '7' where id = $1`, unreadable)

	var from uint64
	touch := func(id events.ID) {
		w.event(events.StreamOf(events.KindGoal, id), len(w.log)+1, w.id(), &events.GoalStarted{From: events.GoalStatusDraft})
	}
	before := len(w.log)
	for _, id := range ids {
		touch(uuid.MustParse(id))
		touch(uuid.MustParse(id))
	}
	w.store(w.log[before:])
	delete(w.goals, refused) // a row that goes is not refused
	delete(w.goals, unreadable)
	w.some(100)
	from = uint64(before)
	w.reaches(uint64(len(w.log)), both...)
	list := w.parks(projections.Goal.View, 2)
	keys := map[string]bool{list[0].Key: true, list[1].Key: true}
	require.Equal(t, map[string]bool{refused.String(): true, unreadable.String(): true}, keys)

	w.run(`update `+table+` set doc = $2::text::json where id = $1`, unreadable, docs[ids[1]])
	w.besides(projections.Goal.View, func(e events.Event) bool {
		id := e.Stream.ID()
		return e.Position > from && (id == refused || id == unreadable)
	})
	require.NoError(t, Retry(t.Context(), w.admin, projections.Goal.View, ""))
	list = w.parks(projections.Goal.View, 1) // though the database refuses both together, and cannot tell which
	require.Equal(t, refused.String(), list[0].Key)
	w.run(`alter table ` + table + ` drop constraint no`)
	require.NoError(t, Retry(t.Context(), w.admin, projections.Goal.View, refused.String()))
	w.parks(projections.Goal.View, 0)
	w.some(20)
	w.reaches(uint64(len(w.log)), both...)
	w.exact(projections.Goal.View)
}

// TestOneRefusedRowHoldsUpNoOthers: once the one is found that the database refuses, the rest
// of what was read with it follows in as few commits as ever.
func TestOneRefusedRowHoldsUpNoOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil, projections.Goal.View)
	w.some(1)
	w.reaches(1, projections.Goal.View)
	table := projections.Goal.Build(1).Table()
	for i := range 2000 {
		e := w.event(events.StreamOf(events.KindGoal, w.id()), 1, w.id(), &events.GoalCreated{Title: "学习 Go", Visibility: events.Public})
		if i == 300 || i == 900 {
			w.run(`alter table ` + table + ` add check (id <> '` + e.Stream.ID().String() + `') not valid`)
		}
	}
	w.store(w.log[1:])
	w.reaches(uint64(len(w.log)), projections.Goal.View)
	w.parks(projections.Goal.View, 2)
	var commits int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(distinct xmin::text) from `+table).Scan(&commits))
	require.Less(t, commits, 50)
}
