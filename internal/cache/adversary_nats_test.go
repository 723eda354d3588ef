package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// table is a view in Postgres, whose rows are the positions of their last change, with
// what happened to it kept beside it.
type table struct {
	*truth
	admin, pool *pgxpool.Pool
	incarnation uuid.UUID
}

func newTable(t *testing.T) *table {
	v := &table{truth: newTruth(10, "v")}
	v.admin, v.pool, v.incarnation = oneView(t)
	_, err := v.admin.Exec(t.Context(), `
		create table sical.adversary as select key, 0::bigint as position from generate_series(0, $1 - 1) key`, hotKeys)
	require.NoError(t, err)
	_, err = v.admin.Exec(t.Context(), `grant select on sical.adversary to `+postgres.RoleQuery)
	require.NoError(t, err)
	return v
}

// commit changes some rows in one transaction, as a projector's commit does, and gives
// its notice. What is to be is known before it is: nobody promises it earlier.
func (v *table) commit(ctx context.Context, r *rand.Rand) (n wire.Notice, err error) {
	return n, pgx.BeginFunc(ctx, v.admin, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select from sical.projection where view = 'v' for update`); err != nil {
			return err
		}
		n = v.change(r)
		n.Incarnation = v.incarnation
		for _, name := range n.Keys {
			key, err := keyOf(name)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `update sical.adversary set position = $1 where key = $2`, v.row(0, key, n.To), key); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `update sical.projection set position = $1 where view = 'v'`, n.To)
		return err
	})
}

// load reads a row and how far the view is, in one snapshot.
func (v *table) load(ctx context.Context, key int) (Answer, error) {
	var row, at uint64
	err := v.pool.QueryRow(ctx, `
		select r.position, p.position from sical.adversary r, sical.projection p where r.key = $1 and p.view = 'v'`, key).Scan(&row, &at)
	return Answer{Body: part{row: row}.append(nil), Checkpoints: []projections.Checkpoint{
		{Build: projections.Build{View: "v", Version: 1, Number: 1}, Shards: []uint64{at}},
	}}, err
}

// process is a query process that hears over a connection of its own.
type process struct {
	table *table
	p     *Positions
	c     *Cache
	hits  *tally
}

func newProcess(t *testing.T, v *table, nc Bus) *process {
	q := &process{table: v, p: newPositions(v.pool, nc)}
	q.p.cfg.Head = func(context.Context) (uint64, error) {
		at, _ := v.now(0)
		return at, nil
	}
	metrics := telemetry.NewCache(prometheus.NewRegistry())
	q.hits = &tally{Counter: metrics.Hits}
	metrics.Hits = q.hits
	var err error
	q.c, err = New(q.p, 16<<20, metrics)
	require.NoError(t, err)
	t.Cleanup(q.c.Close)
	run(t, q.p)
	return q
}

// ask reads a row as of a position, and tells whether the answer was older than that, or
// than the process had promised, or than it says itself.
func (q *process) ask(ctx context.Context, key int, least uint64) (stale bool, err error) {
	promised := []promise{{position: q.p.Applied("v")}}
	if err := q.p.Wait(ctx, []string{"v"}, least, ages); err != nil {
		return false, err
	}
	name := rowName(key)
	a, err := q.c.Do(ctx, Question{
		Key: name, Views: []string{"v"}, Deps: func() []string { return []string{name} }, MinPosition: least,
		Load: func(ctx context.Context) (Answer, error) { return q.table.load(ctx, key) },
	})
	if err != nil {
		return false, err
	}
	return q.table.stale(asked{key, []int{0}}, told{partsOf(a.Body), a.Position}, promised, least), nil
}

// Many writers change the same few rows of a view in Postgres and publish what they did
// as it comes, while one of two query processes loses its NATS: first the connection, then
// only what is sent over it. Neither ever answers with less than was promised, by itself or
// by the other, and both come to answer from memory again.
func TestNoAnswerIsOlderThanPromisedWhileNATSIsGone(t *testing.T) {
	t.Parallel()
	v, bus := newTable(t), testkit.NATS(t)
	direct := bus.Connect()
	address, credentials := direct.ConnectedAddr(), bus.URL[:strings.LastIndex(bus.URL, "@")+1]
	proxy := testkit.Proxy(t, address)
	through, err := nats.Connect(credentials+proxy.Address, nats.Timeout(time.Minute),
		nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(through.Close)
	processes := []*process{newProcess(t, v, direct), newProcess(t, v, through)}

	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	var stale, asked atomic.Int64
	for n := range writers {
		working.Go(func() {
			for r := rand.New(rand.NewPCG(7, uint64(n))); ctx.Err() == nil; {
				if notice, err := v.commit(t.Context(), r); err != nil {
					t.Error(err)
				} else if data, err := notice.Encode(); err != nil || direct.Publish(wire.ChangesOf("v"), data) != nil {
					t.Error("not published", err)
				}
			}
		})
	}
	for range 4 {
		working.Go(func() {
			for ctx.Err() == nil {
				q, other := processes[rand.IntN(2)], processes[rand.IntN(2)]
				old, err := q.ask(t.Context(), rand.IntN(hotKeys), other.p.Applied("v")*uint64(rand.IntN(2)))
				if err != nil {
					t.Error(err)
				}
				if asked.Add(1); old {
					stale.Add(1)
				}
			}
		})
	}
	// goesOn waits until both know of what is only now to happen, and answer from memory.
	goesOn := func() {
		now, _ := v.now(0)
		for _, q := range processes {
			hits := q.hits.n.Load()
			testkit.Eventually(t, func() error {
				if at := q.p.Applied("v"); at <= now || q.hits.n.Load() < hits+100 {
					return fmt.Errorf("at %d of %d", at, now)
				}
				return nil
			})
		}
	}
	goesOn()
	proxy.Refuse(true)
	proxy.Cut()
	goesOn()
	proxy.Refuse(false)
	goesOn()
	proxy.Blackhole(true)
	goesOn()
	proxy.Blackhole(false)
	goesOn()
	stop()
	working.Wait()
	require.Zero(t, stale.Load())
	t.Log(asked.Load(), "answers,", processes[0].hits.n.Load(), "and", processes[1].hits.n.Load(), "from memory")
}
