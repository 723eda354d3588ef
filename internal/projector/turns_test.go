package projector

import (
	"context"
	"errors"
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
	w := newWorld(t)
	var pool *pgxpool.Pool
	p := w.projector(func(c *Config) { pool = c.Pool }, projections.Views()...)
	p.aside = time.Hour // however slow the machine is
	stop := w.runs(p)
	for _, v := range projections.Views() {
		w.owned(v, p)
	}
	stop()
	require.LessOrEqual(t, pool.Stat().NewConnsCount(), int64(3))
	for _, v := range projections.Views() {
		owner, _ := w.owner(v)
		require.Empty(t, owner, "%s was not given back", v.Name)
	}
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
		p, stops := w.start(nil, both...)
		w.owned(other, p)
		unlock()
		w.owned(held, p)
		unlock = w.changing(held)
		stops()
		owner, _ := w.owner(other)
		require.Empty(t, owner)
		unlock()
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
