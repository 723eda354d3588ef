package projector

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/tail"
	"sical-backend/projections"
	"sical-backend/projections/fixedlog"
)

// narrow is a log that is read a few events at a time.
type narrow struct {
	tail.Log
	most int
}

func (n narrow) Read(ctx context.Context, after uint64, limit int) ([]events.Event, error) {
	return n.Log.Read(ctx, after, min(limit, n.most))
}

// copies makes the log of the fixed one's events, of several worlds that go side by
// side; the curriculum's stream is one for all.
func (w *world) copies(n int) (log []events.Event) {
	text, err := os.ReadFile("../../projections/testdata/log.txt")
	require.NoError(w, err)
	worlds := make([][]events.Event, n)
	for i := range worlds {
		ids := fmt.Sprintf("%08x-", 0x0195a000+i)
		worlds[i], _, err = fixedlog.Parse(strings.ReplaceAll(string(text), "0195a000-", ids))
		require.NoError(w, err)
	}
	versions := map[events.Stream]int{}
	for at := range worlds[0] {
		for i := range worlds {
			e := worlds[i][at]
			versions[e.Stream]++
			e.ID, e.Position, e.Version = w.id(), uint64(len(log)+1), versions[e.Stream]
			e.Data, e.RecordedAt, e.RawMeta = nil, e.OccurredAt, []byte(`{}`)
			log = append(log, e)
		}
	}
	return log
}

// build enters a build of so many shards, that is read and folded from the beginning.
func (w *world) build(v *projections.View, shards int) (b projections.Build) {
	w.Helper()
	pool := w.pool("sical_projector")
	require.NoError(w, pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) (err error) {
		if b, err = NewBuild(context.Background(), tx, v, shards); err != nil {
			return err
		}
		if _, err = tx.Exec(context.Background(), v.IndexDDL(b)); err != nil {
			return err
		}
		if err = SetPosition(context.Background(), tx, b, 0); err != nil {
			return err
		}
		return Flip(context.Background(), tx, projections.Build{}, b)
	}))
	return b
}

// digest is of all columns of all rows, and of the sums over the shards.
func (w *world) digest(b projections.Build) (digest string) {
	w.Helper()
	require.NoError(w, w.admin.QueryRow(context.Background(), `
		select md5(coalesce((select string_agg(t::text, e'\n' order by t::text collate "C") from `+b.Table()+` t), '')) || ' ' ||
			md5(coalesce((select string_agg(name || ' ' || value, e'\n' order by name collate "C")
				from (select name, sum(value) as value from `+b.TotalTable()+` group by name having sum(value) <> 0) s), ''))`).Scan(&digest))
	return digest
}

// However the log is cut up, shared out and delivered, the tables come out the same:
// those of folding it one event at a time.
func TestTablesFollowFromTheLogAlone(t *testing.T) {
	t.Parallel()
	digests := map[string]string{} // of the first way, by view
	for _, way := range []struct {
		batch, shards int
		unruly        bool
	}{{10_000, 1, false}, {1, 2, false}, {7, 5, false}, {64, 1, true}, {5, 2, true}, {10_000, 5, true}} {
		t.Run(fmt.Sprintf("%d events %d shards unruly %v", way.batch, way.shards, way.unruly), func(t *testing.T) {
			w := newWorld(t)
			w.log = w.copies(2)
			for _, v := range projections.Views() {
				w.build(v, way.shards)
			}
			feed := make(unruly)
			if !way.unruly {
				w.store(w.log)
			}
			w.start(func(c *Config) {
				c.Log = narrow{eventlog.NewReader(w.admin), way.batch}
				if way.unruly {
					c.Feed = feed
				}
			}, projections.Views()...)
			for stored := 0; way.unruly && stored < len(w.log); {
				next := min(len(w.log), stored+1+w.r.IntN(30))
				w.store(w.log[stored:next])
				stored = next
				for range 3 { // again, out of turn, and with holes
					from := w.r.IntN(stored)
					feed <- w.log[from : from+w.r.IntN(stored-from)+1]
				}
				feed <- []events.Event{w.log[stored-1], w.log[0], w.log[stored/2]}
			}
			w.reaches(uint64(len(w.log)), projections.Views()...)
			for _, v := range projections.Views() {
				w.exact(v)
				digest := w.digest(v.Build(1))
				if digests[v.Name] == "" {
					digests[v.Name] = digest
				}
				require.Equal(t, digests[v.Name], digest, v.Name)
			}
		})
	}
}
