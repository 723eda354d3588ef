package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/testkit"
)

// figures are the statistics, flattened: "goals.draft" and so on.
func (s *system) figures() map[string]string {
	s.t.Helper()
	r := s.get("/v1/statistics", "")
	require.Equal(s.t, http.StatusOK, r.status, r.body)
	flat := map[string]string{}
	flatten(s.t, flat, "", []byte(r.body))
	return flat
}

// flatten lists the values of an object, and of the objects in it, by their names.
func flatten(t testing.TB, flat map[string]string, prefix string, raw []byte) {
	var inner map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &inner))
	for name, value := range inner {
		if value[0] == '{' {
			flatten(t, flat, prefix+name+".", value)
		} else {
			flat[prefix+name] = string(value)
		}
	}
}

// settle has get wait for everything that stands in the log.
func (s *system) settle() {
	s.t.Helper()
	d, err := s.app.startDecider(s.t.Context())
	require.NoError(s.t, err)
	head, err := d.log.Head(s.t.Context())
	require.NoError(s.t, err)
	s.position = strconv.FormatUint(head, 10)
}

// TestDemoShowsEverything: every figure of the statistics counts something, and
// its people can look at what is theirs.
func TestDemoShowsEverything(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	var out bytes.Buffer
	require.NoError(t, loadDemo(t.Context(), s.app, &output{&out}))
	s.settle()

	figures := s.figures()
	assert.Greater(t, len(figures), 30)
	for name, n := range figures {
		if strings.Contains(name, ".days_") && name != "active_learners.days_30" {
			continue // not everything happened in the last days
		}
		assert.NotContains(t, []string{"0", "", "null"}, n, name)
	}
	assert.Equal(t, "40", figures["points"])
	assert.Equal(t, "4", figures["paths.published"])
	assert.Equal(t, "1", figures["users.suspended"])
	assert.Equal(t, "1", figures["users.erased"])

	d, err := s.app.startDecider(t.Context())
	require.NoError(t, err)
	desk := newDesk(t, s.app)
	for username, name := range map[string]string{"demo-anna": "Anna Petrova", "demo-王芳": "王芳"} {
		id, err := d.Account(t.Context(), command.UsernameClaim(username))
		require.NoError(t, err)
		me := s.get("/v1/users/me", desk.token(t, id.String(), events.Learner))
		require.Equal(t, http.StatusOK, me.status, me.body)
		assert.Equal(t, name, me.field(t, "display_name"))
		assert.NotEqual(t, "[]", me.field(t, "goals"), "an active goal to look at")
		assert.Contains(t, out.String(), "--username "+username)
	}
	for role, username := range map[events.Role]string{
		events.Curator: "demo-curator", events.Moderator: "demo-moderator", events.Admin: "demo-admin",
	} {
		id, err := d.Account(t.Context(), command.UsernameClaim(username))
		require.NoError(t, err)
		standing, _, err := d.Standing(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, role, standing, username)
	}

	require.NoError(t, loadDemo(t.Context(), s.app, &output{&out}))
	before := s.position
	s.settle()
	assert.Equal(t, before, s.position, "a second time adds nothing")
}

// TestDemoBesideARunningSystem: the subcommand finds what another process serves.
func TestDemoBesideARunningSystem(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL, MaxConns: 4}
	s := serveOn(t, c, slog.New(slog.DiscardHandler))
	admin, err := pgx.Connect(t.Context(), c.PostgresURL)
	require.NoError(t, err)
	defer func() { _ = admin.Close(t.Context()) }()
	_, err = admin.Exec(t.Context(), `
		insert into sical.view_version (view, version, serving) values ('goal', 0, 1), ('removed', 1, 1);
		insert into sical.projection (view, version, build, shard, incarnation) select view, version, 1, 0, incarnation
		from sical.view_version, sical.log where version = 0 or view = 'removed'`) // that an older release has left
	require.NoError(t, err)
	var first, second bytes.Buffer
	require.NoError(t, (&Demo{}).Run(t.Context(), tool(t, c), &output{&first}))
	s.settle()
	assert.Equal(t, "40", s.figures()["points"])
	require.NoError(t, (&Demo{}).Run(t.Context(), tool(t, c), &output{&second}))
	assert.Equal(t, []string{"demo", "0", "done"}, strings.Fields(second.String())[:3])
	assert.Contains(t, first.String(), "views caught up")
}
