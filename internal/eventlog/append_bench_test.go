package eventlog

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// BenchmarkAppend compares, with the disk's sync on: the group commit; the same
// function called once for each command; and one plain insert a command, which is
// the least that any design without grouping pays. ns/op is the time for one
// command at that many concurrent ones, so ratios of it are ratios of rates.
func BenchmarkAppend(b *testing.B) {
	db := testkit.DurablePostgres(b).Database(b, migrated)
	pool, err := postgres.Open(b.Context(), db.AdminURL, postgres.Options{MaxConns: 20, Params: Plans()})
	require.NoError(b, err)
	defer pool.Close()
	_, err = pool.Exec(b.Context(), `create table plain (position bigserial primary key, event_id uuid, stream text, version int,
		type text, data json, owner uuid, occurred_at timestamptz, recorded_at timestamptz default now(), unique (stream, version))`)
	require.NoError(b, err)
	p := open(b, db.URL(postgres.RoleCommand))
	for _, clients := range []int{1, 64, 256} {
		for name, do := range map[string]func(context.Context, *Entry) error{
			"group": func(ctx context.Context, e *Entry) error { return p.Append(ctx, e) },
			"each":  p.single,
			"plain": func(ctx context.Context, e *Entry) error { return plain(ctx, pool, e) },
		} {
			b.Run(fmt.Sprintf("%s/clients=%d", name, clients), func(b *testing.B) { concurrently(b, clients, do) })
		}
	}
}

func concurrently(b *testing.B, clients int, do func(context.Context, *Entry) error) {
	b.ReportAllocs()
	var left, all = make(chan struct{}, b.N), sync.WaitGroup{}
	for range b.N {
		left <- struct{}{}
	}
	close(left)
	for range clients {
		all.Go(func() {
			for range left {
				if err := do(b.Context(), learning()); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}

// learning is an entry of about 430 bytes with a guard, as most commands have.
func learning() *Entry {
	e := point("knowledge point")
	d := e.Events[0].Data.(*events.PointCreated)
	d.Description = fmt.Sprintf("%330s", "words")
	return e
}

// single appends without the writer: a call for each command.
func (p *process) single(ctx context.Context, e *Entry) error {
	if err := p.prepare(ctx, e); err != nil {
		return err
	}
	e.request = &request{open: 1, done: make(chan struct{})}
	b, _ := fill([]*Entry{e})
	_, err := p.call(ctx, b, false)
	return err
}

func plain(ctx context.Context, pool *pgxpool.Pool, e *Entry) error {
	n := e.Events[0]
	raw, err := events.Encode(n.Data)
	if err != nil {
		return err
	}
	_, err = pool.Exec(ctx, `insert into plain (event_id, stream, version, type, data, owner, occurred_at) values ($1, $2, $3, $4, $5, $6, $7)`,
		newID(), string(n.Stream), 1, "point.created", raw, n.Owner, time.Now())
	return err
}
