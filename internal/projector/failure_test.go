package projector

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// lines is a log that may be written while it is read.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), part)
}

func (w *world) stands(v *projections.View, state string) {
	w.Helper()
	testkit.Eventually(w, func() error {
		if _, now := w.at(v); now != state {
			return fmt.Errorf("view %s is %q, not %q", v.Name, now, state)
		}
		return nil
	})
}

func TestFailingFoldStopsOnlyItsView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log lines
	_, stop := w.start(func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }, both...)
	w.some(40)
	good := w.log
	broken := w.event(events.StreamOf(events.KindGoal, w.id()), 1, w.id(), &events.GoalCreated{Title: "好", Visibility: events.Private})
	healed := broken.Raw
	broken.Raw = []byte(`{"title":7}`)
	w.store([]events.Event{broken})
	w.some(40)
	all := w.log

	w.reaches(81, projections.Progress)
	w.stands(projections.Goal, "failed")
	var text string
	var failedAt int
	at, _ := w.at(projections.Goal)
	require.EqualValues(t, 40, at)
	require.NoError(t, w.admin.QueryRow(t.Context(), `select error, failed_at from sical.projection where view = 'goal'`).Scan(&text, &failedAt))
	require.Equal(t, 41, failedAt)
	require.Contains(t, text, "goal.created")
	w.log = good
	w.exact(projections.Goal) // what came before it stands
	w.log = all
	w.exact(projections.Progress)

	stop()
	require.Equal(t, 1, log.count("level=ERROR"))
	w.stands(projections.Goal, "failed")

	// A binary that can fold it goes on by itself; here the event changes instead.
	_, err := w.admin.Exec(t.Context(), `update sical.events set data = $1::text::json where position = 41`, string(healed))
	require.NoError(t, err)
	w.start(nil, both...)
	w.reaches(81, projections.Goal)
	w.stands(projections.Goal, "live")
	w.exact(projections.Goal)
}

func TestUnknownEventsAreSteppedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	newer := w.event(events.StreamOf(events.KindGoal, w.id()), 1, w.id(), &events.GoalCreated{Title: "later", Visibility: events.Private})
	newer.Schema, w.log[0].Schema = 99, 99
	w.store([]events.Event{newer})
	w.some(50)
	w.start(nil, projections.Goal)
	w.reaches(51, projections.Goal)
	w.exact(projections.Goal)
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil, both...)
	w.some(20)
	w.reaches(20, both...)
	set := func(state string) {
		_, err := w.admin.Exec(context.Background(), `update sical.projection set state = $1 where view = 'goal'`, state)
		require.NoError(t, err)
	}
	set("paused")
	var before uint64
	testkit.Eventually(t, func() error { // until the owner has noticed
		w.some(5)
		w.reaches(uint64(len(w.log)), projections.Progress)
		at, _ := w.at(projections.Goal)
		if at != before || at == uint64(len(w.log)) {
			before = at
			return fmt.Errorf("goes on, at %d", at)
		}
		return nil
	})
	set("live")
	w.reaches(uint64(len(w.log)), both...)
	w.exact(projections.Goal)
}

func TestPanicIsAFailureOfTheView(t *testing.T) {
	t.Parallel()
	b := &batch{view: projections.Goal, totals: map[string]int64{}, rows: []*row{{value: &projections.ProgressRow{}}}} // not its type
	f := b.fold([]*events.Event{{Position: 7}})
	require.NotNil(t, f)
	require.EqualValues(t, 7, f.position)
	require.ErrorIs(t, f.err, errView)
	require.True(t, refused(f.err))
}
