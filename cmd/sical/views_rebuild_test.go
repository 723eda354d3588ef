package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/rebuild"
	"sical-backend/internal/testkit"
)

// rebuilds a view beside a running server, kills the server in the middle of
// another rebuild, and finds the next one going on with it.
func (b binary) rebuilds(t *testing.T) {
	dir := b.folder(t)
	s := b.serve(t, dir)
	b.output(t, dir, "", "demo")

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
	assert.Contains(t, b.output(t, dir, "", "projections", "rollback", "progress"), "read from build 2")
	for _, wrong := range [][]string{{"rebuild", "nothing"}, {"cancel", "goal"}, {"rollback", "goal"}, {"approve", "goal"}, {"retry", "goal"}} {
		var stderr bytes.Buffer
		cmd := b.command(t, dir, append([]string{"projections"}, wrong...)...)
		cmd.Stderr = &stderr
		assert.Error(t, cmd.Run(), "%v", wrong)
		assert.Equal(t, failed, cmd.ProcessState.ExitCode())
		assert.Equal(t, 1, strings.Count(stderr.String(), "\n"), "one line: %s", &stderr)
	}

	// So slow that it is at work when the server is killed.
	b.output(t, dir, "", "projections", "rebuild", "user", "--rate", "20", "--detach")
	job := func() (j rebuild.Job) {
		for line := range strings.Lines(b.output(t, dir, "", "projections", "jobs", "--json")) {
			var found rebuild.Job
			require.NoError(t, json.Unmarshal([]byte(line), &found))
			if found.View == "user" {
				j = found
			}
		}
		return j
	}
	state := func(want string) {
		t.Helper()
		testkit.Eventually(t, func() error {
			if j := job(); j.State != want {
				return fmt.Errorf("the rebuild is %q, not %q", j.State, want)
			}
			return nil
		})
	}
	state(rebuild.Filling)
	require.NoError(t, s.cmd.Process.Kill())
	<-s.ended
	b.serve(t, dir)
	state(rebuild.Done)
	assert.Contains(t, b.output(t, dir, "", "projections", "verify", "user"), "0 differences")
}
