package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/embedded"
	"sical-backend/internal/postgres"
	"sical-backend/internal/projector"
	"sical-backend/internal/rebuild"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// What differs in a rebuild that is held is within its JSON, and no text of its own.
func TestHeldRebuildIsToldAsJSONAlone(t *testing.T) {
	t.Parallel()
	v, err := rebuild.Named(projections.Views(), "goal")
	require.NoError(t, err)
	p, err := pgxpool.New(t.Context(), testkit.Database(t, migrated).AdminURL)
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Exec(t.Context(), `insert into sical.projection_job (view, version, kind, state, outcome, error)
		values ($1, $2, $3, $4, '{"differences":1,"first":[{"key":"k","want":"a","got":"b"}]}', 'they differ')`,
		v.Name, v.Version, rebuild.KindRebuild, rebuild.Held)
	require.NoError(t, err)
	var out bytes.Buffer
	require.ErrorContains(t, watch(t.Context(), tool(t, Config{}), p, v, &output{&out}, true), "held: they differ")
	var told rebuild.Job
	require.NoError(t, json.Unmarshal(out.Bytes(), &told), "one object and nothing else: %s", &out)
	require.Contains(t, string(told.Outcome), `"want"`)
}

// rebuilds a view beside a running server, and others that the server does not live
// to see the end of.
func (b binary) rebuilds(t *testing.T) {
	dir := b.folder(t)
	s := b.serve(t, dir)
	assert.Contains(t, b.output(t, dir, "", "demo"), b.file+" token --data-dir "+dir)

	// Views that the log outgrew before they were begun are being built by jobs.
	testkit.Eventually(t, func() error {
		if jobs := b.output(t, dir, "", "projections", "jobs", "--json"); strings.Count(jobs, "\n") != strings.Count(jobs, `"state":"done"`) {
			return fmt.Errorf("jobs are under way: %s", jobs)
		}
		return nil
	})
	assert.Contains(t, b.output(t, dir, "", "projections", "rebuild", "progress", "--json"), `"state":"done"`)
	assert.Contains(t, b.output(t, dir, "", "projections", "verify", "progress"), "0 differences")
	assert.Contains(t, b.output(t, dir, "", "projections", "rollback", "progress"), "read from build 1")
	assert.Regexp(t, `^{"build":2,"version":\d+,"view":"progress"}\s*$`, b.output(t, dir, "", "projections", "rollback", "progress", "--json"))
	assert.JSONEq(t, `{"view":"progress","state":"paused"}`, b.output(t, dir, "", "projections", "pause", "progress", "--json"))
	assert.Contains(t, b.output(t, dir, "", "projections", "rebuild", "progress", "--json"), `"state":"done"`)
	assert.Regexp(t, `progress .* paused `, b.output(t, dir, "", "projections", "list"), "until it is resumed")
	assert.JSONEq(t, `{"view":"progress","state":"live"}`, b.output(t, dir, "", "projections", "resume", "progress", "--json"))
	for _, wrong := range []string{"cancel", "rollback", "approve", "retry"} {
		b.fails(t, dir, "projections", wrong, "goal")
	}
	b.heedsTheOperator(t, dir)
	b.triesAgain(t, dir, s.client(t))

	b.survivesKills(t, dir, s)
}

// heedsTheOperator drops a rebuild that is held, or changes over to it, as it is told.
func (b binary) heedsTheOperator(t *testing.T, dir string) {
	assert.Contains(t, b.fails(t, dir, "projections", "rebuild", "progress", "--require-approval"), "held: ")
	assert.Contains(t, b.output(t, dir, "", "projections", "cancel", "progress"), "The rebuild of progress is cancelled.")
	assert.Contains(t, b.output(t, dir, "", "projections", "jobs"), "rebuild of progress: cancelled")
	b.fails(t, dir, "projections", "rebuild", "progress", "--require-approval")
	assert.Contains(t, b.output(t, dir, "", "projections", "approve", "progress", "--json"), `"state":"done"`)
}

// triesAgain what the database does not take, and then does.
func (b binary) triesAgain(t *testing.T, dir string, c *system) {
	_, token, _ := c.account("ada")
	goal := c.do("POST", "/v1/goals", token, `{"title":"One"}`)
	require.Equal(t, 200, c.get("/v1/goals/"+goal, token).status)
	run, err := embedded.ReadRun(dir)
	require.NoError(t, err)
	p, err := postgres.Open(t.Context(), run.PostgresURLs[postgres.RoleProjector], postgres.Options{Role: postgres.RoleProjector})
	require.NoError(t, err)
	defer p.Close()
	build, err := rebuild.Serving(t.Context(), p, projections.Goal.View)
	require.NoError(t, err)
	_, err = p.Exec(t.Context(), `alter table `+build.Table()+` add constraint no check (id <> '`+goal+`') not valid`)
	require.NoError(t, err)
	c.do("PATCH", "/v1/goals/"+goal, token, `{"title":"Two"}`)
	testkit.Eventually(t, func() error {
		if parked := b.output(t, dir, "", "projections", "parked", "goal"); !strings.Contains(parked, goal) {
			return fmt.Errorf("it is not parked: %s", parked)
		}
		return nil
	})
	b.retries(t, dir, failed, "1 still cannot be folded")
	_, err = p.Exec(t.Context(), `alter table `+build.Table()+` drop constraint no`)
	require.NoError(t, err)
	b.retries(t, dir, 0, "Nothing of it is parked any more.")
	assert.Equal(t, "Two", c.get("/v1/goals/"+goal, token).field(t, "title"))
}

// retries has the goals that are parked tried again, and once more where nobody folds them just
// then: on a machine that stands still for seconds a lease runs out by itself.
func (b binary) retries(t *testing.T, dir string, status int, outcome string) {
	t.Helper()
	testkit.Eventually(t, func() error {
		cmd := b.command(t, dir, "projections", "retry", "goal")
		said, err := cmd.CombinedOutput()
		if bytes.Contains(said, []byte("nobody folds goal just now")) {
			return fmt.Errorf("%w: %s", err, said)
		}
		assert.Equal(t, status, cmd.ProcessState.ExitCode())
		assert.Contains(t, string(said), outcome)
		return nil
	})
}

// survivesKills kills the server at any moments of rebuilds, and each time finds what
// is read as it was, or whole where the rebuild was done; the next server goes on.
func (b binary) survivesKills(t *testing.T, dir string, s *server) {
	state := func() string {
		for line := range strings.Lines(b.output(t, dir, "", "projections", "jobs", "--json")) {
			var found rebuild.Job
			require.NoError(t, json.Unmarshal([]byte(line), &found))
			if found.View == "user" && found.Kind == rebuild.KindRebuild {
				return found.State
			}
		}
		return ""
	}
	builds := func() (read int, all []projector.BuildStatus) {
		for line := range strings.Lines(b.output(t, dir, "", "projections", "list", "--json")) {
			var found projector.Status
			require.NoError(t, json.Unmarshal([]byte(line), &found))
			if found.View == "user" {
				return found.Build, found.Builds
			}
		}
		t.Fatal("the view is not listed")
		return 0, nil
	}
	before, _ := builds()
	ended := func(state string) bool { return state == "" || state == rebuild.Done }
	for range 4 {
		if ended(state()) { // slow enough to be at work for a while
			before, _ = builds()
			assert.Contains(t, b.output(t, dir, "", "projections", "rebuild", "user", "--rate", "30", "--detach", "--json"), `{"view":"user",`)
		}
		moment := time.Duration(rand.IntN(2500)) * time.Millisecond
		t.Logf("killed after %v", moment)
		<-time.After(moment) // whatever it is at by then
		require.NoError(t, s.cmd.Process.Kill())
		<-s.ended
		gone(t, dir) // its Postgres, which is waited for, but not for ever
		s = b.serve(t, dir)
		first := state()
		now, _ := builds()
		switch second := state(); {
		case ended(first):
			assert.NotEqual(t, before, now, "it was done, and is read")
		case !ended(second):
			assert.Equal(t, before, now, "it was not done, and is not read")
		}
		assert.Contains(t, b.output(t, dir, "", "projections", "verify", "user"), " 0 differences")
	}
	testkit.Eventually(t, func() error {
		now, all := builds()
		if state := state(); state != rebuild.Done || now == before || len(all) != 2 {
			return fmt.Errorf("the rebuild is %q, %d is read of %+v", state, now, all)
		}
		return nil
	})
	assert.Contains(t, b.output(t, dir, "", "projections", "verify", "user"), " 0 differences")
}
