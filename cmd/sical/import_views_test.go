package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// after is a tool beside a log of one event that every view of this program has, with nobody
// there, and what changes that.
func after(t *testing.T) (i *importing, out *bytes.Buffer, change func(sql string, args ...any)) {
	t.Helper()
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL, MaxConns: 4}
	admin, err := pgx.Connect(t.Context(), c.PostgresURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close(context.Background()) })
	change = func(sql string, args ...any) {
		t.Helper()
		done, err := admin.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
		require.NotZero(t, done.RowsAffected(), sql)
	}
	change(`insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		values (1, gen_random_uuid(), 'x-1', 1, 'goal.created', 1, '{}', '{}', gen_random_uuid(), false, now(), now())`)
	for _, v := range projections.Views() {
		change(`insert into sical.view_version (view, version, serving) values ($1, $2, 1)`, v.Name, v.Version)
	}
	change(`insert into sical.projection (view, version, build, shard, incarnation, position)
		select view, version, 1, 0, incarnation, 1 from sical.view_version, sical.log`)
	a := tool(t, c)
	a.forsaken = 0
	require.NoError(t, a.joinOrStart(t.Context()))
	out = &bytes.Buffer{}
	return &importing{app: a, out: out}, out, change
}

// caughtUpBy tells whether the views have caught up once the change was made.
func caughtUpBy(t *testing.T, i *importing, change func()) (all bool) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		var err error
		all, err = i.catchUp(t.Context())
		done <- err
	}()
	change()
	require.NoError(t, testkit.Receive(t, done))
	return all
}

// What nobody reads any more stands still for ever, as what rests may.
func TestImportsWaitForWhatIsRead(t *testing.T) {
	t.Parallel()
	i, out, change := after(t)
	change(`insert into sical.view_version (view, version, serving) values ('goal', 0, 1), ('goal', 99, 1), ('removed', 1, 1)`)
	change(`insert into sical.projection (view, version, build, shard, incarnation)
		select view, version, 1, 0, incarnation from sical.view_version, sical.log where version in (0, 99) or view = 'removed'`)
	change(`update sical.projection set position = 0, state = 'paused' where view = 'user'`)
	require.True(t, caughtUpBy(t, i, func() {}))
	require.Empty(t, out)
}

// What nobody folds is told and not waited for, what somebody does is waited for.
func TestImportsWaitForWhoeverFolds(t *testing.T) {
	t.Parallel()
	v := projections.Goal.View
	for name, c := range map[string]struct {
		there string // who is there
		job   string // what becomes of the rebuild of the view, which is not built yet; none where it is and is behind
		all   bool
	}{
		"nobody":                 {},
		"somebody":               {there: "now() + interval '1 hour'", all: true},
		"nobody any more":        {there: "now() - interval '1 second'"},
		"nobody who builds it":   {job: "requested"},
		"somebody who builds it": {there: "now() + interval '1 hour'", job: "filling", all: true},
		"who waits for approval": {there: "now() + interval '1 hour'", job: "held"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, out, change := after(t)
			built := v.Version
			if c.job != "" {
				built = 0 // is read meanwhile
				change(`update sical.view_version set version = 0 where view = $1`, v.Name)
				change(`insert into sical.projection_job (view, version, kind, state) values ($1, $2, 'rebuild', $3)`, v.Name, v.Version, c.job)
			}
			change(`update sical.projection set version = $2, position = 0 where view = $1`, v.Name, built)
			if c.there != "" {
				change(`insert into sical.projector (owner, knows, lease_until) values ('x', array[$1 || '/' || $2::int], `+c.there+`)`, v.Name, v.Version)
			}
			all := caughtUpBy(t, i, func() {
				if c.all {
					change(`update sical.projection set position = 1 where view = $1`, v.Name)
				}
			})
			assert.Equal(t, c.all, all)
			if !all {
				assert.Equal(t, "Nobody folds goal now, see `sical projections list`: "+
					"what was imported stands in the log, and is read once a projector has caught up.\n", out.String())
			}
		})
	}
}

// TestImportsDoNotWaitForNobody: the whole of one, in a system without projectors.
func TestImportsDoNotWaitForNobody(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL, MaxConns: 4}
	var out bytes.Buffer
	a := tool(t, c)
	a.forsaken = 0
	require.NoError(t, (&Demo{}).Run(t.Context(), a, &output{&out}))
	assert.Regexp(t, `\nNobody folds activity, .*, webhook now`, out.String())
	assert.NotContains(t, out.String(), "views caught up")
}
