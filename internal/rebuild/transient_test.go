package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/projector"
	"sical-backend/projections"
)

func TestTransient(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return fmt.Errorf("fill: %w", &pgconn.PgError{Code: code}) }
	_, unreachable := pgx.Connect(t.Context(), "postgres://nobody@127.0.0.1:1/x?sslmode=disable")
	for _, err := range []error{
		unreachable, state("40001"), state("25006"), context.DeadlineExceeded, io.EOF, fmt.Errorf("%w: it ends at 7", errOtherLog),
	} {
		assert.True(t, transient(err), "%v", err)
	}
	for _, err := range []error{
		errors.New("json: cannot marshal"), state("57014"), state("22008"), state("53100"),
		&EventError{Position: 7, Err: io.EOF}, errStopped, projector.ErrNoBuild,
	} {
		assert.False(t, transient(err), "%v", err)
	}
	assert.ErrorContains(t, explained(state("53100")), "make room")
	assert.NotContains(t, explained(state("22008")).Error(), "make room")
}

// TestRowThatCannotBeWritten: the server only hears of a COPY that was cancelled, and
// the error is still the row's own, which ends the job.
func TestRowThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.rebuilding(projections.Goal.View, 1<<20)
	require.NoError(t, r.prepare(t.Context()))
	f := &fill{pool: w.pool, view: r.view, build: r.build, shards: 1, pace: unhurried{}, progress: newProgress(1, 0)}
	rows := make([]row, 3*chunkRows)
	for i := range rows {
		rows[i] = row{projections.Key{A: events.ID{0, byte(i >> 8), byte(i)}}, &projections.GoalRow{}}
	}
	bad := &rows[chunkRows+7]
	bad.value = &projections.GoalRow{CreatedAt: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}
	named := "row " + bad.key.String()
	err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error { return f.write(t.Context(), tx, runs{rows}) })
	require.ErrorContains(t, err, named)
	assert.False(t, transient(err), "%v", err)

	_, err = expected(r.view, projections.Key{A: events.ID{7}}, &projections.GoalRow{CreatedAt: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.ErrorContains(t, err, "row 07000000")
	assert.False(t, transient(err), "%v", err)
}
