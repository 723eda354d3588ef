package tail

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
	"sical-backend/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// record is a log in memory, of which as much has been appended as grown says.
type record struct {
	list  []events.Event
	grown int
}

func (r *record) Read(_ context.Context, after uint64, limit int) ([]events.Event, error) {
	rest := r.list[min(int(after), r.grown):r.grown]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (r *record) Head(context.Context) (uint64, error)           { return uint64(r.grown), nil }
func (r *record) Incarnation(context.Context) (events.ID, error) { return events.ID{1}, nil }

// logged is a log of so many events of a size.
func logged(n, size int) *record {
	r, raw := &record{list: make([]events.Event, n), grown: n}, bytes.Repeat([]byte("x"), size)
	for i := range r.list {
		r.list[i] = events.Event{Position: uint64(i) + 1, Raw: raw}
	}
	return r
}

// Whatever a feed loses, doubles or misorders, who follows gets every event once and in
// order, prepared, and no more is held than should be.
func TestWhoFollowsMissesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := logged(200, 1)
		prepared := map[uint64]bool{}
		tail := New(Config{Log: log, Kept: 8, Page: 5, Decode: func(e *events.Event) { prepared[e.Position] = true }}, events.ID{1}, 0)
		var got uint64
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			from := rapid.IntRange(0, 195).Draw(t, "from")
			to := from + rapid.IntRange(0, 5).Draw(t, "brought")
			if rapid.Bool().Draw(t, "next") { // else anything, old or behind a hole
				from, to = int(tail.Position()), min(int(tail.Position())+to-from, 200)
			}
			if reached := tail.add(Pointers(slices.Clone(log.list[from:to])), true); reached != tail.Position() || to > from && reached < uint64(to) {
				t.Fatalf("%d reached of %d, at %d", reached, to, tail.Position())
			}
			if len(tail.recent) > 16 || len(tail.sizes) != len(tail.recent) {
				t.Fatalf("%d are held, of %d sizes", len(tail.recent), len(tail.sizes))
			}
			for rapid.Bool().Draw(t, "go on") {
				list, behind, changed := tail.After(got)
				if behind {
					list, _ = tail.Page(t.Context(), got)
				}
				if (changed != nil) != (got >= tail.Position()) || (len(list) == 0) != (changed != nil) || len(list) > 5 {
					t.Fatalf("%d events behind %d of %d, to be awaited: %v", len(list), got, tail.Position(), changed != nil)
				}
				for _, e := range list {
					if got++; e.Position != got || !prepared[got] {
						t.Fatalf("got %d for %d, prepared: %v", e.Position, got, prepared[got])
					}
				}
			}
		}
	})
}

// Large events are not held by their number.
func TestLargeEventsAreBounded(t *testing.T) {
	t.Parallel()
	const size = 53_000
	log := logged(2000, size)
	tail := New(Config{Log: log, Kept: 8192, Page: 100}, events.ID{1}, 0)
	for from := 0; from < 2000; from += 100 {
		tail.add(Pointers(slices.Clone(log.list[from:from+100])), true)
		require.LessOrEqual(t, tail.bytes, keptBytes)
		require.Equal(t, tail.bytes, size*len(tail.recent))
	}
	list, behind, _ := tail.After(1950)
	require.False(t, behind)
	require.Len(t, list, 50)
	_, behind, _ = tail.After(0)
	require.True(t, behind)
}

// growing is a log that another process appends to.
type growing struct {
	*record
	reads chan uint64 // after which positions
	grow  chan int
}

func (g *growing) Read(ctx context.Context, after uint64, limit int) ([]events.Event, error) {
	select {
	case g.reads <- after:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case n := <-g.grow:
		if n == 0 {
			return nil, errors.New("away")
		}
		g.grown = n
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return g.record.Read(ctx, after, limit)
}

// Without a feed, and after errors, the log is read by itself. Errors are told once until it is read again.
func TestLogIsFollowed(t *testing.T) {
	t.Parallel()
	log := &growing{logged(10, 1), make(chan uint64), make(chan int)}
	log.grown = 3
	var lines bytes.Buffer
	tail := New(Config{Log: log, Logger: slog.New(slog.NewTextHandler(&lines, nil)), Kept: 100, Page: 100, Look: time.Millisecond}, events.ID{1}, 3)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		tail.Run(ctx)
		close(done)
	}()
	_, _, changed := tail.After(3)
	for _, step := range []struct {
		after uint64
		grown int
	}{{3, 3}, {3, 0}, {3, 0}, {3, 7}, {7, 0}, {7, 0}, {7, 10}, {10, 10}} {
		require.Equal(t, step.after, testkit.Receive(t, log.reads))
		log.grow <- step.grown
	}
	testkit.Receive(t, changed)
	cancel()
	testkit.Receive(t, done)
	list, _, _ := tail.After(3)
	require.Len(t, list, 7)
	require.Equal(t, 2, strings.Count(lines.String(), "log not read"), "once each time it is away: %s", &lines)
}
