package eventlog

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type silent struct{}

func (silent) Appended(events int, _ float64) {
	if events == 0 {
		panic("a batch of nothing was appended")
	}
}
func (silent) Refused() {}
func (silent) Retried() {}

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

var secret = []byte("a master secret for tests, 32 bytes and more")

// process is one command process on a database.
type process struct {
	*Log
	pool *pgxpool.Pool

	mu     sync.Mutex
	handed []events.Event
}

func open(t testing.TB, url string) *process {
	t.Helper()
	pool, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 4, Params: Plans()})
	require.NoError(t, err)
	v, err := vault.New(pool, secret)
	require.NoError(t, err)
	p := &process{pool: pool}
	p.Log = Open(Config{Pool: pool, Vault: v, Logger: slog.New(slog.DiscardHandler), Meter: silent{}, Committed: func(list []events.Event) {
		p.mu.Lock()
		p.handed = append(p.handed, list...)
		p.mu.Unlock()
	}})
	t.Cleanup(func() {
		p.Close()
		pool.Close()
	})
	return p
}

func (p *process) all() []events.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]events.Event(nil), p.handed...)
}

// asOwner is a connection that may do everything in the database.
func asOwner(t testing.TB, db *testkit.DB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func newID() events.ID { return uuid.Must(uuid.NewV7()) }

// point is an entry that begins a point's stream.
func point(title string) *Entry {
	id := newID()
	s := events.StreamOf(events.KindPoint, id)
	return &Entry{
		Subject: id, Stream: s, Guards: []Guard{{Stream: s, Version: 0}},
		Events: []NewEvent{{Stream: s, Data: &events.PointCreated{Title: title, Difficulty: 1}, OccurredAt: time.Now()}},
	}
}

// revision is an entry that expects a point's stream at a version.
func revision(s events.Stream, version int, title string) *Entry {
	return &Entry{
		Subject: s.ID(), Stream: s, Guards: []Guard{{Stream: s, Version: version}},
		Events: []NewEvent{{Stream: s, Data: &events.PointRevised{Title: &title}, OccurredAt: time.Now()}},
	}
}

func TestAppendAndRead(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	p := open(t, db.URL(postgres.RoleCommand))
	first, second := point("图论"), point("graphs")
	require.NoError(t, p.Append(t.Context(), first, second))
	require.Equal(t, Result{Position: 1, Version: 1}, first.Result)
	require.Equal(t, Result{Position: 2, Version: 1}, second.Result)

	stale := revision(first.Stream, 7, "x")
	fresh := revision(first.Stream, 1, "图")
	next := revision(first.Stream, 2, "树")
	require.NoError(t, p.Append(t.Context(), stale, fresh, next))
	require.Equal(t, ConflictError{first.Stream}, stale.Result.Err)
	require.Equal(t, Result{Position: 3, Version: 2}, fresh.Result)
	require.Equal(t, Result{Position: 4, Version: 3}, next.Result)

	read, err := p.Read(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, read, 4)
	handed := p.all()
	for i := range read {
		require.EqualValues(t, i+1, read[i].Position)
		require.Equal(t, read[i].ID, handed[i].ID)
		require.Equal(t, read[i].Version, handed[i].Version)
		require.JSONEq(t, string(read[i].Raw), string(handed[i].Raw))
		require.WithinDuration(t, read[i].RecordedAt, handed[i].RecordedAt, 0)
	}
	require.Equal(t, "图论", loaded(t, p, first.Stream)[first.Stream][0].Data.(*events.PointCreated).Title)
}

func register(name string) *Entry {
	id := newID()
	s := events.StreamOf(events.KindUser, id)
	return &Entry{
		Subject: id, Stream: s, Guards: []Guard{{Stream: s, Version: 0}},
		Claims:  []Claim{{Kind: "username", Key: []byte(name), Stream: s}},
		Effects: events.Effects{Credential: "hash"},
		Events:  []NewEvent{{Stream: s, Owner: id, Data: &events.UserRegistered{Username: events.Personal(name), Role: events.Learner}, OccurredAt: time.Now()}},
	}
}

func TestForgetting(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	p := open(t, db.URL(postgres.RoleCommand))
	ana := register("ana")
	goal := events.StreamOf(events.KindGoal, newID())
	begin := &Entry{Subject: goal.ID(), Stream: goal, Guards: []Guard{{Stream: goal}}, Events: []NewEvent{{
		Stream: goal, Owner: ana.Subject, Data: &events.GoalCreated{Title: "canary 秘密", Visibility: events.Private}, OccurredAt: time.Now()}}}
	require.NoError(t, p.Append(t.Context(), ana, begin))
	require.NoError(t, ana.Result.Err)
	require.NoError(t, begin.Result.Err)

	stands := loaded(t, p, goal)
	require.Equal(t, events.Personal("canary 秘密"), stands[goal][0].Data.(*events.GoalCreated).Title)
	require.NotContains(t, string(stands[goal][0].Raw), "canary")

	taken := register("ana")
	require.NoError(t, p.Append(t.Context(), taken))
	require.ErrorIs(t, taken.Result.Err, ErrClaimed)

	erase := &Entry{Subject: ana.Subject, Stream: ana.Stream, Effects: events.Effects{Forget: true}, Guards: []Guard{{Stream: ana.Stream, Version: 1}},
		Events: []NewEvent{{Stream: ana.Stream, Owner: ana.Subject, Data: &events.UserErased{From: events.UserStatusActive, Role: events.Learner}, OccurredAt: time.Now()}}}
	require.NoError(t, p.Append(t.Context(), erase))
	require.NoError(t, erase.Result.Err)

	// Another process, which never held the key.
	q := open(t, db.URL(postgres.RoleCommand))
	stands = loaded(t, q, goal, ana.Stream)
	require.Empty(t, stands[goal][0].Data.(*events.GoalCreated).Title)
	require.Empty(t, stands[ana.Stream][0].Data.(*events.UserRegistered).Username)

	again := register("ana")
	late := &Entry{Subject: goal.ID(), Stream: goal, Guards: []Guard{{Stream: goal, Version: 1}}, Events: []NewEvent{{
		Stream: goal, Owner: ana.Subject, Data: &events.GoalRevised{Title: new(events.Personal("late"))}, OccurredAt: time.Now()}}}
	require.NoError(t, p.Append(t.Context(), again, late))
	require.NoError(t, again.Result.Err, "an erased user's name is free")
	require.Equal(t, GoneError{ana.Stream}, late.Result.Err, "nothing is sealed with a destroyed key, even where it is still in memory")
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	p, q := open(t, db.URL(postgres.RoleCommand)), open(t, db.URL(postgres.RoleCommand))
	id := newID()
	results := make([]*Entry, 40)
	var all sync.WaitGroup
	for i := range results {
		e := point("same")
		e.Command, e.Request = id, []byte("digest")
		results[i] = e
		by := p
		if i%2 == 1 {
			by = q
		}
		all.Go(func() { require.NoError(t, by.Append(t.Context(), e)) })
	}
	all.Wait()
	done := 0
	for _, e := range results {
		require.NoError(t, e.Result.Err)
		require.EqualValues(t, 1, e.Result.Position)
		if !e.Result.Known {
			done++
		} else {
			require.Equal(t, []byte("digest"), e.Result.Request)
		}
	}
	require.Equal(t, 1, done)
	head, err := p.Head(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, head)
}
