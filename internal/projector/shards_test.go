package projector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
	"sical-backend/query"
)

// studies appends n facts of one learner's studying, of one unit each.
func (w *world) studies(learner events.ID, n int) {
	from := len(w.log)
	for range n {
		point := uuid.NewSHA1(uuid.Nil, []byte{2, byte(w.r.IntN(30))})
		w.event(events.StreamOf(events.KindStudy, learner), len(w.log)+1, learner, &events.Studied{Point: point, Amount: 1})
	}
	w.store(w.log[from:])
}

// reader is the query side on a projector's tables.
type reader struct {
	*world
	positions *cache.Positions
	cache     *cache.Cache
	answerer  *query.Answerer
	learner   events.ID
}

func (w *world) reader(nc cache.Bus) reader {
	var c *cache.Cache
	positions := w.positions(nc, func(p *cache.Positions) {
		var err error
		c, err = cache.New(p, 1<<20, telemetry.NewCache(prometheus.NewRegistry()))
		require.NoError(w, err)
		w.Cleanup(c.Close)
	})
	return reader{w, positions, c, query.NewAnswerer(w.pool("sical_query"), nil), w.id()}
}

// ask asks for what the learner did: how much in all, over how many points, how many
// the sums say, and how current that is.
func (r reader) ask(least uint64) (amount, points, total int, position uint64, err error) {
	q, err := r.answerer.ProgressOf(query.Viewer{ID: r.learner}, r.learner, query.Paging{Limit: 100, Total: true})
	if err != nil {
		return 0, 0, 0, 0, err
	}
	a, err := r.cache.Do(context.Background(), cache.Question{Key: q.Key, Views: q.Views, Deps: q.Deps, MinPosition: least,
		Load: func(ctx context.Context) (cache.Answer, error) {
			a, err := r.answerer.Answer(ctx, q)
			return cache.Answer{Body: a.Body, Deps: cache.NamesOf(a.Deps), Checkpoints: a.Checkpoints}, err
		}})
	if err != nil {
		return 0, 0, 0, 0, err
	}
	var page struct {
		Items []query.Progress `json:"items"`
		Total *int             `json:"total"`
	}
	if err := json.Unmarshal(a.Body, &page); err != nil || page.Total == nil {
		return 0, 0, 0, 0, fmt.Errorf("%s: %w", a.Body, err)
	}
	for _, p := range page.Items {
		amount += int(p.Amount)
	}
	return amount, len(page.Items), *page.Total, a.Position, nil
}

// flip has another build read once it is as far as the one that is, as a rebuild does.
func (w *world) flip(cfg Config, from, to projections.Build) {
	w.Helper()
	ctx, pool := context.Background(), w.pool("sical_projector")
	testkit.Eventually(w, func() error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			var enough bool
			if err := tx.QueryRow(ctx, `
				with held as (select * from sical.projection where view = $1 and version = $2 order by build, shard for update)
				select (select min(position) from held where build = $3) >= (select min(position) from held where build = $4)`,
				to.View, to.Version, to.Number, from.Number).Scan(&enough); err != nil {
				return err
			}
			if !enough {
				return errors.New("it is behind")
			}
			return Flip(ctx, tx, from, to)
		})
	})
	Announce(cfg, to)
	testkit.Eventually(w, func() error { // a reader may hold its tables for longer than is waited for it
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return DropBuild(ctx, tx, from) })
	})
}

// Readers see every build of any number of shards as one view: no row that was
// promised is missing, sums and rows agree, and positions never go back, while events
// come in, builds are found, read and dropped under them.
func TestBuildsComeAndGoUnderReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := connect(testkit.NATS(t))
	first := w.build(projections.Progress.View, 2)
	r := w.reader(nc)
	positions := r.positions
	one, _ := w.start(func(c *Config) { c.Changes = nc }, projections.Progress.View)
	w.start(func(c *Config) { c.Changes = nc }, projections.Progress.View)
	w.studies(r.learner, 50)
	w.reaches(50, projections.Progress.View)

	ended := make(chan struct{})
	done := make(chan int)
	go func() { // one who never stops asking
		asked, seen := 0, uint64(50)
		for ; ; asked++ {
			amount, points, total, position, err := r.ask(0)
			if !assert.NoError(t, err) || !assert.GreaterOrEqual(t, position, seen, "it went back") ||
				!assert.GreaterOrEqual(t, uint64(amount), position) || !assert.Equal(t, points, total) {
				break
			}
			seen = position
			select {
			case <-ended:
				done <- asked
				return
			default:
			}
		}
		<-ended
		done <- asked
	}()
	served := first
	for _, shards := range []int{5, 1, 2} {
		var next projections.Build
		pool := w.pool("sical_projector")
		require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
			if next, err = NewBuild(t.Context(), tx, projections.Progress.View, shards); err != nil {
				return err
			}
			return SetPosition(t.Context(), tx, next, 0)
		}))
		for range 10 { // what somebody did is in what they ask next
			w.studies(r.learner, 1+w.r.IntN(5))
			head := uint64(len(w.log))
			require.NoError(t, positions.Wait(t.Context(), []string{"progress"}, head, time.Hour))
			amount, _, _, position, err := r.ask(head)
			require.NoError(t, err)
			require.EqualValues(t, head, position)
			require.EqualValues(t, head, amount)
		}
		w.flip(one.cfg, served, next)
		served = next
		head := uint64(len(w.log))
		amount, _, _, _, err := r.ask(0) // of the new build, whatever was assumed
		require.NoError(t, err)
		require.EqualValues(t, head, amount)
		require.NoError(t, positions.Wait(t.Context(), []string{"progress"}, head, time.Hour))
	}
	close(ended)
	t.Log(<-done, "answers")
	w.reaches(uint64(len(w.log)), projections.Progress.View)
	w.exact(projections.Progress.View)
	var tables int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from pg_tables where schemaname = 'sical_read' and tablename like 'progress%'`).Scan(&tables))
	require.Equal(t, 2, tables, "of the dropped builds nothing is left, and nobody made it again")
}

// A view is where its last shard is.
func TestAViewIsWhereItsLastShardIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := connect(testkit.NATS(t))
	w.build(projections.Goal.View, 1)
	w.build(projections.Progress.View, 2)
	positions := w.positions(nc)
	w.start(func(c *Config) { c.Changes = nc }, both...)
	w.some(100)
	names := []string{"goal", "progress"}
	testkit.Eventually(t, func() error { return positions.Wait(t.Context(), names, 100, time.Hour) })

	_, err := w.admin.Exec(t.Context(), `update sical.projection set state = 'paused' where view = 'progress' and shard = 1`)
	require.NoError(t, err)
	at := func(shard int) (position uint64) {
		require.NoError(t, w.admin.QueryRow(t.Context(), `select position from sical.projection where view = 'progress' and shard = $1`, shard).Scan(&position))
		return position
	}
	testkit.Eventually(t, func() error { // until the owner has noticed, and the notices have come
		w.some(5)
		head := uint64(len(w.log))
		testkit.Eventually(t, func() error {
			if at(0) < head {
				return fmt.Errorf("the other shard is at %d", at(0))
			}
			return nil
		})
		if last, applied := at(1), positions.Applied("progress"); last >= head || applied != last {
			return fmt.Errorf("the head is %d, the paused shard at %d, the view said to be at %d", head, last, applied)
		}
		return nil
	})

	_, err = w.admin.Exec(t.Context(), `update sical.projection set state = 'live' where view = 'progress'`)
	require.NoError(t, err)
	testkit.Eventually(t, func() error { return positions.Wait(t.Context(), names, uint64(len(w.log)), time.Hour) })
	w.exact(projections.Progress.View)
}

// Who makes or drops tables within a longer transaction keeps its own patience.
func TestDroppingLeavesTheCallersPatience(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pool := w.pool("sical_projector")
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `set local lock_timeout = '17s'`)
		require.NoError(t, err)
		b, err := NewBuild(t.Context(), tx, projections.Goal.View, 2)
		require.NoError(t, err)
		require.NoError(t, DropBuild(t.Context(), tx, b))
		var limit string
		require.NoError(t, tx.QueryRow(t.Context(), `show lock_timeout`).Scan(&limit))
		require.Equal(t, "17s", limit)
		return nil
	}))
}
