package rebuild

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var quiet = slog.New(slog.DiscardHandler)

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

// world is a database of its own with a log that the test writes.
type world struct {
	testing.TB
	admin, pool *pgxpool.Pool // the second as the projector role
	r           *rand.Rand
	at          uint64 // the log's head
	goals       []*goal
}

type goal struct {
	id, owner events.ID
	version   int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db := testkit.Database(t, migrated)
	open := func(url string, params map[string]string) *pgxpool.Pool {
		params["synchronous_commit"] = "off"
		pool, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 10, Params: params})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return pool
	}
	// A test may hold a table for as long as the slowest machine takes for the rest.
	admin := open(db.AdminURL, map[string]string{"idle_in_transaction_session_timeout": "0"})
	return &world{TB: t, admin: admin, pool: open(db.URL(postgres.RoleProjector), map[string]string{}), r: rand.New(rand.NewPCG(1, 2))}
}

// append writes facts of one stream each into the log.
func (w *world) append(list ...events.Event) {
	w.Helper()
	columns := []string{"position", "event_id", "stream", "version", "type", "schema", "data", "metadata", "owner", "occurred_at", "recorded_at", "final"}
	_, err := w.admin.CopyFrom(context.Background(), pgx.Identifier{"sical", "events"}, columns,
		pgx.CopyFromSlice(len(list), func(i int) ([]any, error) {
			e := list[i]
			w.at++
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(w.at) * time.Second)
			typ, raw := e.Type, e.Raw
			if e.Data != nil {
				var err error
				if raw, err = events.Encode(e.Data); err != nil {
					return nil, err
				}
				typ = events.TypeOf(e.Data).Name
			}
			return []any{int64(w.at), [16]byte(uuid.New()), string(e.Stream), e.Version, typ, max(e.Schema, 1), string(raw), `{}`,
				[16]byte(e.Owner), at, at, false}, nil
		}))
	require.NoError(w, err)
}

// some appends n facts of goals and study: beginnings, changes and ends.
func (w *world) some(n int) {
	w.Helper()
	var list []events.Event
	for range n {
		owner := uuid.NewSHA1(uuid.Nil, []byte{1, byte(w.r.IntN(20))})
		pick := w.r.IntN(10)
		if pick >= 6 {
			list = append(list, events.Event{
				Stream: events.StreamOf(events.KindStudy, owner), Version: int(w.at) + len(list) + 1, Owner: owner,
				Data: &events.Studied{Point: uuid.NewSHA1(uuid.Nil, []byte{2, byte(w.r.IntN(30))}), Amount: 3},
			})
			continue
		}
		var g *goal
		var d events.Data
		switch at := w.r.IntN(len(w.goals) + 1); {
		case pick < 3 || at == len(w.goals):
			g = &goal{id: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, w.r.Uint64())), owner: owner}
			w.goals = append(w.goals, g)
			d = &events.GoalCreated{Title: "学习 Go", Category: "语言", Visibility: events.Public}
		case pick == 5:
			g = w.goals[at]
			w.goals = append(w.goals[:at], w.goals[at+1:]...)
			d = &events.GoalDeleted{From: events.GoalStatusDraft, Visibility: events.Public}
		default:
			g = w.goals[at]
			d = &events.GoalStarted{From: events.GoalStatusDraft}
		}
		g.version++
		list = append(list, events.Event{Stream: events.StreamOf(events.KindGoal, g.id), Version: g.version, Owner: g.owner, Data: d})
	}
	w.append(list...)
}

// exec changes what stands in the database behind everyone's back.
func (w *world) exec(sql string, args ...any) {
	w.Helper()
	done, err := w.admin.Exec(context.Background(), sql, args...)
	require.NoError(w, err)
	require.NotZero(w, done.RowsAffected(), sql)
}

// filled makes a build of the view at the log's head.
func (w *world) filled(v *projections.View, shards int, memory int64) projections.Build {
	w.Helper()
	r := w.rebuilding(v, memory)
	r.shards = shards
	require.NoError(w, r.prepare(w.Context()))
	require.NoError(w, r.fill(w.Context()))
	w.exec(`update sical.projection_job set state = 'done', owner = null`)
	return r.build
}

// rebuilding claims a rebuild of the view.
func (w *world) rebuilding(v *projections.View, memory int64) *rebuilding {
	w.Helper()
	worker := New(Config{Pool: w.pool, Views: []*projections.View{v}, Memory: memory, Logger: quiet})
	require.NoError(w, Start(w.Context(), w.pool, v, Request{}))
	c, err := worker.claim(w.Context())
	require.NoError(w, err)
	require.NotNil(w, c)
	return &rebuilding{claim: c, logger: quiet, pace: newPacer(w.pool, 0, worker.cfg.Requests)}
}

func (w *world) verify(v *projections.View, b projections.Build) *Outcome {
	w.Helper()
	outcome, err := Verify(w.Context(), VerifyConfig{Pool: w.pool, View: v, Build: b, Rows: 50})
	require.NoError(w, err)
	return outcome
}
