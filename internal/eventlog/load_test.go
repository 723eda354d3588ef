package eventlog

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
)

// loaded is all that Load hands over.
func loaded(t *testing.T, p *process, streams ...events.Stream) map[events.Stream][]events.Event {
	t.Helper()
	all := map[events.Stream][]events.Event{}
	take := func(e events.Event) { all[e.Stream] = append(all[e.Stream], e) }
	require.NoError(t, p.Load(t.Context(), take, streams...))
	return all
}

// counting is a process whose statements, and bytes from the server, are counted.
type counting struct {
	*process
	loads testkit.Queries
	bytes atomic.Int64
}

func newCounting(t *testing.T, url string) *counting {
	c := &counting{loads: testkit.Queries{Of: "-- load events"}}
	first, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 1, Params: Plans(), Tracer: &c.loads})
	require.NoError(t, err)
	config := first.Config()
	first.Close()
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return counted{conn, &c.bytes}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	v, err := vault.New(pool, secret)
	require.NoError(t, err)
	log := Open(Config{Pool: pool, Vault: v, Logger: slog.New(slog.DiscardHandler), Meter: silent{}})
	t.Cleanup(func() {
		log.Close()
		pool.Close()
	})
	c.process = &process{Log: log, pool: pool}
	return c
}

type counted struct {
	net.Conn
	bytes *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// edited appends a goal of somebody new that was edited some times, at some length, and
// returns its stream.
func edited(t *testing.T, p *process, name string, times, length int) events.Stream {
	ana, goal := register(name), events.StreamOf(events.KindGoal, newID())
	begin := &Entry{Subject: goal.ID(), Stream: goal, Guards: []Guard{{Stream: goal}}, Events: []NewEvent{{
		Stream: goal, Owner: ana.Subject, Data: &events.GoalCreated{Title: "学习", Visibility: events.Private}, OccurredAt: time.Now()}}}
	entries := []*Entry{ana, begin}
	for i := range times {
		text := events.Personal(strings.Repeat(string(rune('a'+i%26)), length))
		entries = append(entries, &Entry{Subject: goal.ID(), Stream: goal, Guards: []Guard{{Stream: goal, Version: i + 1}}, Events: []NewEvent{{
			Stream: goal, Owner: ana.Subject, Data: &events.GoalRevised{Description: &text}, OccurredAt: time.Now()}}})
	}
	require.NoError(t, p.Append(t.Context(), entries...))
	require.NoError(t, entries[len(entries)-1].Result.Err)
	return goal
}

// A stream that somebody has made long is handed over while it is read: by two statements,
// before its turn and after, and never more than a few pages of it are in memory.
func TestLongStreamIsLoadedInPages(t *testing.T) {
	t.Parallel()
	// Of some pages, and longer than a short load even after its first page.
	const times, text = 340, 12_000
	const length = text * 4 / 3 // sealed
	p := newCounting(t, testkit.Database(t, migrated).URL(postgres.RoleCommand))
	goal := edited(t, p.process, "ana", times, text)
	version := 0
	load := func(after int) (statements, most int64) {
		version = after
		statements, begun := p.loads.Load(), p.bytes.Load()
		take := func(e events.Event) {
			version++
			require.Equal(t, version, e.Version)
			if d, ok := e.Data.(*events.GoalRevised); ok {
				require.Equal(t, rune('a'+(version-2)%26), rune((*d.Description)[0]))
			}
			most = max(most, p.bytes.Load()-begun-int64(version-after)*length)
		}
		if after == 0 {
			require.NoError(t, p.Load(t.Context(), take, goal))
		} else {
			require.NoError(t, p.LoadAfter(t.Context(), goal, after, take))
		}
		require.Equal(t, times+1, version)
		require.Greater(t, p.bytes.Load()-begun, int64(times-after)*length)
		return p.loads.Load() - statements, most
	}
	for _, after := range []int{0, 3} {
		statements, most := load(after)
		require.EqualValues(t, 2, statements)
		require.Less(t, most, int64(2*pageBytes))
		p.vault.Clear()
		statements, _ = load(after) // the key is fetched after the first page
		require.EqualValues(t, 3, statements)
	}
}

// However many load what somebody has made long, others' events are loaded and appended:
// two of them keep a connection, the rest wait for their turn.
func TestLongLoadsTakeTurns(t *testing.T) {
	t.Parallel()
	const loads = 6 // more than there are connections
	p := open(t, testkit.Database(t, migrated).URL(postgres.RoleCommand))
	long := edited(t, p, "ana", shortLoad, 10)
	begun, goOn, ended := make(chan struct{}, loads), make(chan struct{}), make(chan error, loads)
	for range loads {
		go func() {
			ended <- p.Load(t.Context(), func(e events.Event) {
				if e.Version > shortLoad {
					begun <- struct{}{}
					<-goOn
				}
			}, long)
		}()
	}
	for range longLoads {
		testkit.Receive(t, begun)
	}
	ctx, leave := context.WithCancel(t.Context())
	require.ErrorIs(t, p.Load(ctx, func(e events.Event) {
		require.LessOrEqual(t, e.Version, shortLoad)
		if e.Version == shortLoad {
			leave()
		}
	}, long), context.Canceled)
	testkit.Eventually(t, func() error {
		if n := len(p.waits); n != loads-longLoads {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	for range longWaits - (loads - longLoads) { // as many more as may
		p.waits <- struct{}{}
	}
	require.ErrorAs(t, p.Load(t.Context(), func(events.Event) {}, long), new(*admission.OverloadError))
	require.Len(t, loaded(t, p, edited(t, p, "bo", 1, 10)), 1)
	require.Empty(t, begun, "a third went on")

	for range longWaits - (loads - longLoads) {
		<-p.waits
	}
	close(goOn)
	for range loads {
		require.NoError(t, testkit.Receive(t, ended))
	}
}

// Streams of several people whose keys are not in memory, one of them destroyed, are
// loaded whole, and each key is asked for once.
func TestStreamsOfManyAreLoadedInPages(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	p := newCounting(t, db.URL(postgres.RoleCommand))
	var goals []events.Stream
	const length = 40_000
	for _, name := range []string{"ana", "bo", "cy", "di"} {
		goals = append(goals, edited(t, p.process, name, 25, length)) // more than a page
	}
	goals = append(goals, events.StreamOf(events.KindGoal, newID()))
	all := loaded(t, p.process, goals...)
	require.Len(t, all, 4)
	gone := all[goals[2]][0].Owner
	admin := asOwner(t, db)
	_, err := admin.Exec(t.Context(), `delete from sical.subject_key where subject = $1`, gone)
	require.NoError(t, err)
	p.vault.Clear()

	before := p.loads.Load()
	again := loaded(t, p.process, goals...)
	require.LessOrEqual(t, p.loads.Load()-before, int64(5), "one, and one more for each key")
	require.Len(t, again, 4)
	for goal, list := range all {
		require.Len(t, again[goal], len(list))
		for i, e := range list {
			got := again[goal][i]
			require.Equal(t, e.Position, got.Position)
			if d, ok := got.Data.(*events.GoalRevised); ok && got.Owner == gone {
				require.Empty(t, *d.Description)
			} else if got.Owner != gone {
				require.Equal(t, e.Data, got.Data)
				require.True(t, !ok || len(*d.Description) == length, "nor is it lost from both")
			}
		}
	}
}

// A page of the log is as many events as asked for, or as fit the memory that is meant for
// it; it never is none before the head.
func TestPageOfLargeEventsIsShort(t *testing.T) {
	t.Parallel()
	const times, length = 800, 9_000 // a page is several statements, the last of them the shortest
	p := open(t, testkit.Database(t, migrated).URL(postgres.RoleCommand))
	edited(t, p, "ana", times, length)
	var last uint64
	for pages := 0; ; pages++ {
		list, err := p.Read(t.Context(), last, 10_000)
		require.NoError(t, err)
		if len(list) == 0 {
			require.Equal(t, 2, pages)
			break
		}
		bytes := 0
		for i := range list {
			last++
			require.Equal(t, last, list[i].Position)
			bytes += len(list[i].Raw)
		}
		require.Less(t, bytes, readBytes)
	}
	require.EqualValues(t, times+2, last)
	list, err := p.Read(t.Context(), 1, mostRows+1)
	require.NoError(t, err)
	require.Len(t, list, mostRows+1, "over the bounds of a statement")
	list, err = p.Range(t.Context(), 2, times+1)
	require.NoError(t, err)
	require.Len(t, list, times, "over the bounds of a page")
	list, err = p.Read(t.Context(), math.MaxUint64, 1)
	require.NoError(t, err)
	require.Empty(t, list, "no log reaches there")
}
