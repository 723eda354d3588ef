package projector

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/tail"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

func (w *world) owner(v *projections.View) (owner string, epoch int64) {
	err := w.admin.QueryRow(context.Background(), `select coalesce(owner, ''), epoch from sical.projection where view = $1`, v.Name).Scan(&owner, &epoch)
	if err != nil {
		return "", 0
	}
	return owner, epoch
}

func (w *world) owned(v *projections.View, by *Projector) {
	w.Helper()
	testkit.Eventually(w, func() error {
		if owner, _ := w.owner(v); owner != by.owner {
			return fmt.Errorf("owner is %q, not %q", owner, by.owner)
		}
		return nil
	})
}

func TestOneOwnerAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(200)
	var stops []func()
	for range 4 { // all create the tables at once
		p := w.projector(nil, both...)
		p.parting = time.Hour // however slow the machine is
		stops = append(stops, w.runs(p))
	}
	for _, stop := range stops {
		w.some(200)
		w.reaches(uint64(len(w.log)), both...)
		stop()
	}
	for _, v := range both {
		owner, _ := w.owner(v)
		require.Empty(t, owner, "the lease was not given back")
		w.exact(v)
	}
}

// undisturbed has a course taken again where a view changed its owner in it once more:
// on a machine that stands still for three seconds a lease runs out by itself, and who
// takes the view then may. What a course demands of the tables holds all the same.
func undisturbed(t *testing.T, course func(t *testing.T, w *world) (kept bool)) {
	t.Helper()
	testkit.Undisturbed(t, func() bool { return course(t, newWorld(t)) })
}

// A process that vanishes without a word, and comes back later believing that it
// still owns the view.
func TestTakeoverAndFence(t *testing.T) {
	t.Parallel()
	undisturbed(t, vanishAndComeBack)
}

func vanishAndComeBack(t *testing.T, w *world) (kept bool) {
	proxy := testkit.Proxy(t, w.db.Socket())
	address, err := url.Parse(w.db.URL(postgres.RoleProjector))
	require.NoError(t, err)
	through := fmt.Sprintf("postgres://%s@%s%s?sslmode=disable", address.User, proxy.Address, address.Path)
	pool, err := postgres.Open(t.Context(), through, postgres.Options{MaxConns: 10})
	require.NoError(t, err)
	t.Cleanup(pool.Close)

	first, stop := w.start(func(c *Config) { c.Pool, c.Log = pool, eventlog.NewReader(pool) }, projections.Progress.View)
	w.some(100)
	w.reaches(100, projections.Progress.View)
	second, end := w.start(nil, projections.Progress.View)
	defer end()
	w.owned(projections.Progress.View, first)

	proxy.Blackhole(true)
	begun := time.Now()
	w.owned(projections.Progress.View, second)
	t.Log("taken over after", time.Since(begun))
	w.some(100)
	w.reaches(200, projections.Progress.View)
	_, epoch := w.owner(projections.Progress.View)

	proxy.Blackhole(false)
	w.some(100)
	w.reaches(300, projections.Progress.View)
	stop()
	owner, now := w.owner(projections.Progress.View)
	w.exact(projections.Progress.View)
	return owner == second.owner && now == epoch
}

// slowLog holds a batch until it is let go.
type slowLog struct {
	tail.Log
	once    sync.Once
	held    chan struct{}
	release chan struct{}
}

func (l *slowLog) Read(ctx context.Context, after uint64, limit int) ([]events.Event, error) {
	list, err := l.Log.Read(ctx, after, limit)
	if len(list) > 0 {
		l.once.Do(func() {
			close(l.held)
			select {
			case <-l.release:
			case <-ctx.Done():
			}
		})
	}
	return list, err
}

// An owner that is stopped with a batch in its hands, longer than its lease.
func TestLateOwnerCannotWrite(t *testing.T) {
	t.Parallel()
	undisturbed(t, holdABatch)
}

func holdABatch(t *testing.T, w *world) (kept bool) {
	w.some(500)
	slow := &slowLog{Log: eventlog.NewReader(w.admin), held: make(chan struct{}), release: make(chan struct{})}
	first, end := w.start(func(c *Config) { c.Log = slow }, projections.Progress.View)
	defer end()
	testkit.Receive(t, slow.held)
	second, stop := w.start(nil, projections.Progress.View)
	defer stop()
	testkit.Eventually(t, func() error { // as if its process were stopped, too
		_, err := w.admin.Exec(t.Context(), `delete from sical.projector where owner = $1`, first.owner)
		if owner, _ := w.owner(projections.Progress.View); err == nil && owner != second.owner {
			err = fmt.Errorf("the owner is %s", owner)
		}
		return err
	})
	w.reaches(500, projections.Progress.View)
	_, epoch := w.owner(projections.Progress.View)
	close(slow.release) // its batch is the same 500 events
	w.some(20)
	w.reaches(520, projections.Progress.View)
	_, now := w.owner(projections.Progress.View)
	w.exact(projections.Progress.View)
	return now == epoch
}

// Connections that are killed at any moment lose nothing and double nothing.
func TestKilledConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil, both...)
	for range 20 {
		w.some(50)
		_, err := w.admin.Exec(t.Context(), `
			select pg_terminate_backend(pid) from pg_stat_activity
			where usename = 'sical_projector' and datname = current_database()`)
		require.NoError(t, err)
	}
	w.reaches(uint64(len(w.log)), both...)
	for _, v := range both {
		w.exact(v)
	}
}

func TestDeletedTablesAreMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(300)
	_, stop := w.start(nil, both...)
	w.reaches(300, both...)
	stop()
	_, err := w.admin.Exec(t.Context(), `drop table sical_read.goal_v2_b1_total; delete from sical.projection where view = 'progress'`)
	require.NoError(t, err)
	w.start(nil, both...)
	w.some(10)
	w.reaches(310, both...)
	for _, v := range both {
		w.exact(v)
	}
}

// Nor does it take a new owner.
func TestTablesDroppedUnderTheirOwnerAreMadeAgain(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]string{
		"rows": projections.Goal.Build(1).Table(),
		"sums": projections.Goal.Build(1).TotalTable(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start(nil, projections.Goal.View)
			w.some(50)
			w.reaches(50, projections.Goal.View)
			w.run(`drop table ` + table)
			w.some(50)
			w.settles()
			w.exact(projections.Goal.View)
		})
	}
}

// Where the last statement of a batch fails, nothing of it stays.
func TestRowsSumsAndCheckpointGoTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, stop := w.start(nil, projections.Progress.View)
	w.some(50)
	w.reaches(50, projections.Progress.View)
	rows := func() map[string]string {
		return stored[string](w, `select learner_id || '/' || point_id, doc::text from sical_read.progress_v3_b1`)
	}
	before := rows()
	_, err := w.admin.Exec(t.Context(), `alter table sical_read.progress_v3_b1_total add check (value < 0) not valid`)
	require.NoError(t, err)
	w.some(50)
	w.reaches(100, projections.Progress.View)
	require.Equal(t, before, rows())
	stop()

	_, err = w.admin.Exec(t.Context(), `alter table sical_read.progress_v3_b1_total drop constraint progress_v3_b1_total_value_check`)
	require.NoError(t, err)
	require.NoError(t, Retry(t.Context(), w.admin, projections.Progress.View, ""))
	w.start(nil, projections.Progress.View)
	w.parks(projections.Progress.View, 0)
	w.exact(projections.Progress.View)
}

// A log that was restored under a running projector is another one.
func TestAnotherIncarnationOfTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil, both...)
	w.some(20)
	w.reaches(20, both...)
	_, err := w.admin.Exec(t.Context(), `update sical.log set incarnation = gen_random_uuid();
		select pg_terminate_backend(pid) from pg_stat_activity where usename = 'sical_projector' and datname = current_database()`)
	require.NoError(t, err)
	w.some(20)
	w.reaches(40, both...)
	var same bool
	require.NoError(t, w.admin.QueryRow(t.Context(), `select bool_and(p.incarnation = l.incarnation) from sical.projection p, sical.log l`).Scan(&same))
	require.True(t, same)
	w.exact(projections.Progress.View)
}
