package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// storm is many writers on two command processes, while connections are killed,
// cut and held up, and old snapshots stay open.
type storm struct {
	testing.TB
	db        *testkit.DB
	proxy     *testkit.FaultyProxy
	processes []*process
	streams   []events.Stream
	begun     time.Time

	mu      sync.Mutex
	moved   *sync.Cond // of mu: a move has ended
	moves   int        // that have ended
	all     int        // that there will be
	history []porcupine.Operation
	done    map[events.ID]Result // what was answered to commands that were carried out
	refused map[events.ID]bool
}

func newStorm(t testing.TB, streams int) *storm {
	db := testkit.Database(t, migrated)
	proxy := testkit.Proxy(t, db.Socket())
	s := &storm{
		TB: t, db: db, proxy: proxy, begun: time.Now(), done: map[events.ID]Result{}, refused: map[events.ID]bool{},
		processes: []*process{open(t, db.Through(proxy, postgres.RoleCommand)), open(t, db.URL(postgres.RoleCommand))},
	}
	s.moved = sync.NewCond(&s.mu)
	for range streams {
		e := point("first")
		require.NoError(t, s.processes[1].Append(t.Context(), e))
		require.NoError(t, e.Result.Err)
		s.streams = append(s.streams, e.Stream)
	}
	return s
}

// blow has the writers make their moves while the faults go on, and returns when
// each has its answers.
func (s *storm) blow(writers, moves int) {
	s.all = writers * moves
	ctx, cancel := context.WithCancel(s.Context())
	var all, around sync.WaitGroup
	around.Go(func() { s.breakThings(ctx) })
	for range 2 {
		around.Go(func() { s.holdSnapshots(ctx) })
	}
	for range 3 {
		around.Go(func() { s.watch(ctx) })
	}
	for client := range writers {
		all.Go(func() {
			for range moves {
				s.move(client)
				s.mu.Lock()
				s.moves++
				s.moved.Broadcast()
				s.mu.Unlock()
			}
		})
	}
	all.Wait()
	cancel()
	around.Wait()
}

// move is a read and, mostly, an append on top of it.
func (s *storm) move(client int) {
	p, stream := s.processes[client%len(s.processes)], s.streams[rand.IntN(len(s.streams))]
	begun := time.Since(s.begun)
	version := 0
	if err := p.Load(context.Background(), func(e events.Event) { version = e.Version }, stream); err != nil {
		return // told nothing, changed nothing
	}
	s.record(client, stream, -1, version, begun)
	e := revision(stream, version, fmt.Sprint(client))
	if rand.IntN(4) > 0 {
		e.Command = newID()
		e.Events[0].Meta.Command = e.Command
	}
	begun = time.Since(s.begun)
	for {
		try := *e
		if err := p.Append(context.Background(), &try); err != nil {
			s.Error(err)
			return
		}
		r := try.Result
		switch {
		case r.Err == nil:
			s.record(client, stream, version, r.Version, begun)
		case errors.Is(r.Err, ErrUnavailable) && e.Command != (events.ID{}):
			continue // the same command tells
		case errors.Is(r.Err, ErrUnavailable):
			s.record(client, stream, version, unknown, begun)
		case r.Err == ConflictError{stream}:
			s.record(client, stream, version, conflict, begun)
		default:
			s.Error(r.Err)
		}
		s.mu.Lock()
		if r.Err == nil {
			s.done[e.Command] = r
		} else {
			s.refused[e.Command] = true
		}
		s.mu.Unlock()
		return
	}
}

// await returns when so many more moves have ended, or all.
func (s *storm) await(more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for enough := min(s.moves+more, s.all); s.moves < enough; {
		s.moved.Wait()
	}
}

// breakThings does one harm after the other, with none to three moves in between: by a clock
// there would be none where to connect takes longer than the next harm does to come.
func (s *storm) breakThings(ctx context.Context) {
	admin, err := pgx.Connect(context.Background(), s.db.AdminURL)
	require.NoError(s, err)
	defer admin.Close(context.Background())
	for ctx.Err() == nil {
		switch rand.IntN(4) {
		case 0:
			s.proxy.Cut()
		case 1: // in the middle of a call: what was held back is lost
			s.proxy.Blackhole(true)
			wander(ctx)
			s.proxy.Cut()
			s.proxy.Blackhole(false)
		case 2: // only late
			s.proxy.Blackhole(true)
			wander(ctx)
			s.proxy.Blackhole(false)
		case 3:
			_, err := admin.Exec(ctx, `select pg_terminate_backend(pid) from pg_stat_activity
				where usename = 'sical_command' and datname = current_database() order by random() limit 1`)
			if err != nil && ctx.Err() == nil {
				s.Error(err)
			}
		}
		wander(ctx)
		s.await(rand.IntN(4))
	}
}

// wander is a delay at random: when a fault strikes is what is tried here.
func wander(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(rand.IntN(15)) * time.Millisecond):
	}
}

// holdSnapshots keeps an old snapshot, and then a transaction that does nothing.
func (s *storm) holdSnapshots(ctx context.Context) {
	conn, err := pgx.Connect(context.Background(), s.db.AdminURL)
	require.NoError(s, err)
	defer conn.Close(context.Background())
	for ctx.Err() == nil {
		for _, sql := range []string{
			`begin isolation level repeatable read`, `select count(*) from sical.events`, `commit`,
			`begin`, `create temporary table if not exists busy (n int)`, `rollback`,
		} {
			if _, err := conn.Exec(context.Background(), sql); err != nil {
				s.Error(err)
				return
			}
			wander(ctx)
		}
	}
}

// watch polls the log as a relay does, and minds that no position appears behind
// the ones it has seen.
func (s *storm) watch(ctx context.Context) {
	conn, err := pgx.Connect(context.Background(), s.db.URL(postgres.RoleRelay))
	require.NoError(s, err)
	defer conn.Close(context.Background())
	last := int64(0)
	for end := false; !end; {
		end = ctx.Err() != nil // one more look, when all is written
		rows, _ := conn.Query(context.Background(), `select position from sical.events where position > $1 order by position limit 50`, last)
		seen, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			s.Error(err)
			return
		}
		for _, position := range seen {
			if position != last+1 {
				s.Errorf("position %d follows on %d", position, last)
			}
			last = position
		}
		wander(ctx)
	}
}

// verify compares the log with what was answered.
func (s *storm) verify() {
	p := open(s, s.db.URL(postgres.RoleCommand)) // with connections that live
	log, err := p.Read(context.Background(), 0, 1<<20)
	require.NoError(s, err)
	versions, effects := map[events.Stream]int{}, map[events.ID]events.Event{}
	recorded := time.Time{}
	for i, e := range log {
		require.NoError(s, e.Decode())
		versions[e.Stream]++
		require.EqualValues(s, i+1, e.Position)
		require.Equal(s, versions[e.Stream], e.Version)
		require.False(s, e.RecordedAt.Before(recorded), "recorded times never decrease")
		recorded = e.RecordedAt
		if id := e.Meta.Command; id != (events.ID{}) {
			require.NotContains(s, effects, id, "one command, one effect")
			effects[id] = e
		}
	}
	for id, r := range s.done {
		if id != (events.ID{}) {
			require.Equal(s, r.Position, effects[id].Position, "what was answered stands in the log")
			require.Equal(s, r.Version, effects[id].Version)
		}
	}
	for id := range s.refused {
		require.NotContains(s, effects, id, "what was refused does not")
	}
	for _, p := range s.processes {
		for _, e := range p.all() {
			require.Equal(s, log[e.Position-1].ID, e.ID, "what was handed on stands in the log")
		}
	}
}

func TestStorm(t *testing.T) {
	t.Parallel()
	s := newStorm(t, 4)
	s.blow(16, 8)
	s.verify()
	require.NotEmpty(t, s.done)
	linearizable(t, s.history)
}
