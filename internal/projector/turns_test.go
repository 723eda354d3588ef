package projector

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// All views of a process are taken and given back on one connection, beside those that look at
// the registry and at the log.
func TestUnitsAreTakenOnOneConnection(t *testing.T) {
	t.Parallel()
	undisturbed(t, takeAndGiveBack)
}

// takeAndGiveBack is disturbed where something that was asked has run out of time: another
// connection is opened then, in place of that on which it was asked or for which it waited.
func takeAndGiveBack(t *testing.T, w *world) (kept bool) {
	var pool *pgxpool.Pool
	var log testkit.Log
	p := w.projector(func(c *Config) { pool, c.Logger = c.Pool, log.Logger() }, projections.Views()...)
	p.aside, p.parting = time.Hour, time.Hour // however slow the machine is
	stop := w.runs(p)
	for _, v := range projections.Views() {
		w.owned(v, p)
	}
	stop()
	for _, v := range projections.Views() {
		owner, _ := w.owner(v)
		require.Empty(t, owner, "%s was not given back", v.Name)
	}
	if strings.Contains(log.String(), "level=WARN") || pool.Stat().CanceledAcquireCount() > 0 {
		return false
	}
	require.LessOrEqual(t, pool.Stat().TotalConns(), int32(3))
	return true
}

// A view whose row somebody changes keeps none of the others waiting: neither when they are taken,
// nor when they are given back.
func TestOneUnitHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, stop := w.start(nil, both...)
	for i, held := range both {
		other := both[1-i]
		w.begun(held)
		stop()
		unlock := w.changing(held)
		p := w.projector(nil, both...)
		p.parting = time.Hour // however slow the machine is
		stops := w.runs(p)
		w.owned(other, p)
		unlock()
		w.owned(held, p)
		unlock = w.changing(held)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			stops()
		}()
		w.owned(other, &Projector{}) // nobody's
		unlock()
		testkit.Receive(t, stopped)
	}
}

// begun waits until a view has a build.
func (w *world) begun(v *projections.View) {
	w.Helper()
	testkit.Eventually(w, func() error {
		if _, epoch := w.owner(v); epoch == 0 {
			return errors.New("no build of " + v.Name)
		}
		return nil
	})
}

// changing has a view's row locked until unlock.
func (w *world) changing(v *projections.View) (unlock func()) {
	w.Helper()
	tx, err := w.admin.Begin(w.Context())
	require.NoError(w, err)
	w.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(w.Context(), `select from sical.projection where view = $1 for update`, v.Name)
	require.NoError(w, err)
	return func() { require.NoError(w, tx.Rollback(w.Context())) }
}
