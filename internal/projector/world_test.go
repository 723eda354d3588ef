package projector

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var quiet = slog.New(slog.DiscardHandler)

// world is a database of its own with a log that the test writes.
type world struct {
	testing.TB
	db    *testkit.DB
	admin *pgxpool.Pool
	log   []events.Event
	r     *rand.Rand
	goals map[events.ID]int // version of each goal that is there
}

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, db: testkit.Database(t, migrated), r: rand.New(rand.NewPCG(1, 2)), goals: map[events.ID]int{}}
	w.admin = w.pool("")
	return w
}

func (w *world) pool(role string) *pgxpool.Pool {
	url, params := w.db.URL(role), map[string]string{"synchronous_commit": "off"}
	if role == "" { // whose transactions are the test's, and stay open for as long as that takes
		url, params["idle_in_transaction_session_timeout"] = w.db.AdminURL, "0"
	}
	pool, err := postgres.Open(w.Context(), url, postgres.Options{MaxConns: 8, Params: params})
	require.NoError(w, err)
	w.Cleanup(pool.Close)
	return pool
}

// id gives the same ids in every run.
func (w *world) id() (id events.ID) {
	for i := range id {
		id[i] = byte(w.r.IntN(256))
	}
	return id
}

// event makes the next event of the log.
func (w *world) event(s events.Stream, version int, owner events.ID, d events.Data) events.Event {
	raw, err := events.Encode(d)
	require.NoError(w, err)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(len(w.log)) * time.Second)
	e := events.Event{
		Position: uint64(len(w.log) + 1), ID: w.id(), Stream: s, Version: version, Type: events.TypeOf(d).Name, Schema: 1,
		Raw: raw, Owner: owner, OccurredAt: at, RecordedAt: at, RawMeta: []byte(`{}`),
	}
	w.log = append(w.log, e)
	return e
}

// some makes n events of goals and study and stores them.
func (w *world) some(n int) {
	w.Helper()
	from := len(w.log)
	var points [20]events.ID
	for i := range points {
		points[i] = uuid.NewSHA1(uuid.Nil, []byte{byte(i)})
	}
	var ids []events.ID
	for id := range w.goals {
		ids = append(ids, id)
	}
	for range n {
		owner := uuid.NewSHA1(uuid.Nil, []byte{1, byte(w.r.IntN(20))})
		switch pick := w.r.IntN(10); {
		case pick < 3 || len(ids) == 0:
			id := w.id()
			ids, w.goals[id] = append(ids, id), 1
			w.event(events.StreamOf(events.KindGoal, id), 1, owner, &events.GoalCreated{Title: "学习 Go", Category: "语言", Visibility: events.Public})
		case pick < 6:
			at := w.r.IntN(len(ids))
			id := ids[at]
			w.goals[id]++
			var d events.Data = &events.GoalStarted{From: events.GoalStatusDraft}
			if pick == 5 {
				d = &events.GoalDeleted{From: events.GoalStatusDraft, Visibility: events.Public}
				ids = append(ids[:at], ids[at+1:]...)
			}
			w.event(events.StreamOf(events.KindGoal, id), w.goals[id], owner, d)
		default:
			w.event(events.StreamOf(events.KindStudy, owner), len(w.log)+1, owner, &events.Studied{Point: points[w.r.IntN(20)], Amount: 3})
		}
	}
	w.store(w.log[from:])
}

// store inserts events into the log's table as they are.
func (w *world) store(list []events.Event) {
	w.Helper()
	columns := []string{"position", "event_id", "stream", "version", "type", "schema", "data", "metadata", "owner", "occurred_at", "recorded_at", "final"}
	_, err := w.admin.CopyFrom(context.Background(), pgx.Identifier{"sical", "events"}, columns,
		pgx.CopyFromSlice(len(list), func(i int) ([]any, error) {
			e := list[i]
			return []any{int64(e.Position), [16]byte(e.ID), string(e.Stream), e.Version, e.Type, e.Schema, string(e.Raw), string(e.RawMeta),
				[16]byte(e.Owner), e.OccurredAt, e.RecordedAt, false}, nil
		}))
	require.NoError(w, err)
}

// start runs a projector of the views until the test ends or stop is called.
func (w *world) start(change func(*Config), views ...*projections.View) (p *Projector, stop func()) {
	w.Helper()
	p = w.projector(change, views...)
	return p, w.runs(p)
}

// projector is one of the views, to be run.
func (w *world) projector(change func(*Config), views ...*projections.View) *Projector {
	w.Helper()
	pool := w.pool(postgres.RoleProjector)
	cfg := Config{
		Pool: pool, Log: eventlog.NewReader(pool), Views: views,
		Metrics: telemetry.NewProjection(prometheus.NewRegistry()), Logger: quiet,
	}
	if change != nil {
		change(&cfg)
	}
	return New(cfg)
}

// runs runs a projector until the test ends or stop is called.
func (w *world) runs(p *Projector) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != nil {
			w.Error(err)
		}
	}()
	var stopped atomic.Bool
	stop = func() {
		if stopped.CompareAndSwap(false, true) {
			cancel()
			testkit.Receive(w, done)
		}
	}
	w.Cleanup(stop)
	return stop
}

// reaches waits until the views have saved the position.
func (w *world) reaches(position uint64, views ...*projections.View) {
	w.Helper()
	for _, v := range views {
		for before, ahead := uint64(0), true; ahead; { // as long as it moves on
			ahead = false
			testkit.Eventually(w, func() error {
				at, state := w.at(v)
				if at > before && at < position {
					before, ahead = at, true
				}
				if at < position && !ahead {
					return fmt.Errorf("view %s is %s at %d of %d", v.Name, state, at, position)
				}
				return nil
			})
		}
	}
}

func (w *world) at(v *projections.View) (position uint64, state string) {
	// Before the projector's start there is no row: position 0.
	_ = w.admin.QueryRow(context.Background(), `
		select coalesce(min(position), 0), coalesce(max(state), '') from sical.projection where view = $1 and version = $2`,
		v.Name, v.Version).Scan(&position, &state)
	return position, state
}

// exact compares the tables that are read of the view with a fold of the log one
// event at a time.
func (w *world) exact(v *projections.View) {
	w.Helper()
	var serving int
	require.NoError(w, w.admin.QueryRow(context.Background(), `
		select serving from sical.view_version where view = $1 and version = $2`, v.Name, v.Version).Scan(&serving))
	w.exactIn(v, v.Build(serving))
}

func (w *world) exactIn(v *projections.View, b projections.Build) {
	w.Helper()
	rows := map[projections.Key]projections.Row{}
	for _, e := range w.log {
		if e.Decode() != nil {
			continue
		}
		for _, k := range v.Touches(e) {
			if rows[k] = v.Fold(k, rows[k], e); rows[k] == nil {
				delete(rows, k)
			}
		}
	}
	want, totals := map[string]string{}, map[string]int64{}
	for k, row := range rows {
		doc, err := v.Encode(row)
		require.NoError(w, err)
		want[k.String()] = string(doc)
		for _, t := range v.Totals(row) {
			totals[t.Name] += t.Value
		}
	}
	key := v.Keys[0] + `::text`
	if len(v.Keys) == 2 {
		key += ` || '/' || ` + v.Keys[1]
	}
	require.Equal(w, want, stored[string](w, `select `+key+`, doc::text from `+b.Table()))
	got := stored[int64](w, `select name, sum(value)::bigint from `+b.TotalTable()+` group by name having sum(value) <> 0`)
	for name, value := range totals {
		if value == 0 {
			delete(totals, name)
		}
	}
	require.Equal(w, totals, got)
}

func stored[T any](w *world, sql string) map[string]T {
	rows, err := w.admin.Query(context.Background(), sql)
	require.NoError(w, err)
	defer rows.Close()
	found := map[string]T{}
	for rows.Next() {
		var k string
		var v T
		require.NoError(w, rows.Scan(&k, &v))
		found[k] = v
	}
	require.NoError(w, rows.Err())
	return found
}

// connect gives a NATS connection that reconnects at once.
func connect(bus *testkit.Bus) *nats.Conn {
	return bus.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
}
