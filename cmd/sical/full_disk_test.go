package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/embedded"
	"sical-backend/internal/projector"
	"sical-backend/internal/testkit"
)

// small has the stream take as little as a small disk has.
var small = []string{"--stream-max-bytes", "16777216"}

// TestFullDisk lets disks of real systems fill up: nothing that was acknowledged is
// lost, everything says what is the matter, and goes on once there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program and starts whole systems")
	}
	if !testkit.Apart(t) {
		return
	}
	b := built(t)
	t.Run("of the data", func(t *testing.T) { t.Parallel(); b.outOfRoom(t) })
	t.Run("of the write-ahead log", func(t *testing.T) { t.Parallel(); b.outOfLog(t) })
}

// goal is a command with a goal too large to fit into what its table has left.
func goal(id string) string {
	return fmt.Sprintf(`{"id":%q,"title":"学习","description":%q}`, id, strings.Repeat(id, 100))
}

// outOfRoom fills the disk of all the data. What is there can be read; commands are
// refused, views stop, a rebuild fails and gives back what it took.
func (b binary) outOfRoom(t *testing.T) {
	dir := b.folder(t)
	disk := testkit.SmallDisk(t, dir, 240<<20)
	s := b.serve(t, dir, small...)
	c := s.client(t)
	_, token, _ := c.account("ada")
	kept := c.do(http.MethodPost, "/v1/goals", token, goal(uuid.NewString()))
	for range 300 {
		kept = c.do(http.MethodPost, "/v1/goals", token, goal(uuid.NewString()))
	}
	require.Equal(t, http.StatusOK, c.get("/v1/goals/"+kept, token).status)
	b.output(t, dir, "", "projections", "rebuild", "goal")
	b.output(t, dir, "", "projections", "pause", "goal")
	for range 20 {
		kept = c.do(http.MethodPost, "/v1/goals", token, goal(uuid.NewString()))
	}
	b.freshLog(t, dir)
	disk.Fill(1 << 20) // enough for new tables, not for their rows
	before := b.view(t, dir, "goal")
	b.rebuildFails(t, dir, "goal")
	after := b.view(t, dir, "goal")
	assert.Equal(t, before.Build, after.Build)
	assert.Len(t, after.Builds, len(before.Builds), "nothing of the new one is left")

	disk.Fill(0)
	b.output(t, dir, "", "projections", "resume", "goal")
	testkit.Eventually(t, func() error {
		if view := b.view(t, dir, "goal"); view.State != "failed" || !strings.Contains(view.Error, "No space left") {
			return fmt.Errorf("it is not told: %+v", view)
		}
		return nil
	})
	assert.Zero(t, b.view(t, dir, "goal").Parked, "no event is to blame")
	assert.Contains(t, s.stderr.String(), `msg="view failed"`)

	key, id := c.runsOut(token)
	assert.Equal(t, http.StatusOK, c.call(http.MethodGet, "/v1/users/me", token, "").status)
	assert.Contains(t, b.output(t, dir, "", "projections", "verify", "user"), " 0 differences")
	assert.Equal(t, 1, strings.Count(s.stderr.String(), "append: the disk of the log is full"), "once, not for each")

	disk.Free()
	c.goesOn(token, key, id)
	assert.Equal(t, http.StatusOK, c.get("/v1/goals/"+kept, token).status)
	testkit.Eventually(t, func() error {
		if out := b.output(t, dir, "", "projections", "list"); strings.Contains(out, "failed") {
			return errors.New(out)
		}
		return nil
	})
	assert.Contains(t, b.output(t, dir, "", "projections", "rebuild", "goal", "--json"), `"state":"done"`)
	assert.Contains(t, b.output(t, dir, "", "projections", "verify", "goal"), " 0 differences")
	testkit.Eventually(t, func() error { // as soon as the stream has caught up
		if out := b.output(t, dir, "", "events", "reconcile", "--check"); !strings.Contains(out, "They are equal.") {
			return errors.New(out)
		}
		return nil
	})
	assert.Contains(t, s.stderr.String(), "append: the log has room again")
}

// rebuildFails asks for a rebuild that the disk has no room for.
func (b binary) rebuildFails(t *testing.T, dir, view string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := b.command(t, dir, "projections", "rebuild", view, "--json")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.Error(t, cmd.Run())
	assert.Equal(t, failed, cmd.ProcessState.ExitCode())
	reason := slowStatement.ReplaceAllString(stderr.String(), "")
	assert.Equal(t, 1, strings.Count(reason, "\n"), "one line: %s", reason)
	assert.Contains(t, reason, "the disk of the database is full: make room")
	assert.Regexp(t, `"state":"failed",.*"build":`, stdout.String(), "its tables were there when it failed")
}

// outOfLog fills the disk of the write-ahead log alone, without which Postgres goes
// down: the program ends and says why, and so it does until there is room.
func (b binary) outOfLog(t *testing.T) {
	dir := b.folder(t)
	end := func(s *server) {
		require.NoError(t, s.cmd.Process.Signal(os.Interrupt))
		<-s.ended
		require.NoError(t, s.err, s.stderr)
	}
	end(b.serve(t, dir, small...))
	found, err := filepath.Glob(filepath.Join(dir, "pg*", "pg_wal"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	disk := moved(t, found[0])

	s := b.serve(t, dir, small...)
	c := s.client(t)
	_, token, _ := c.account("ada")
	b.freshLog(t, dir)
	disk.Fill(0)
	var acknowledged []string
	refused := ""
	for {
		id := uuid.NewString()
		r, err := c.try(http.MethodPost, "/v1/goals", token, goal(id), "Idempotency-Key", id)
		if err != nil || r.status != http.StatusCreated {
			if err == nil { // or it has ended already, of another's write
				assert.Equal(t, http.StatusServiceUnavailable, r.status, r.body)
			}
			refused = id
			break
		}
		c.position = r.header.Get("Sical-Position")
		acknowledged = append(acknowledged, id)
	}
	<-s.ended
	require.Equal(t, failed, s.cmd.ProcessState.ExitCode())
	assert.Regexp(t, `(?m)^sical: postgres ended by itself as the disk is full: make room and start again, .*$`, s.stderr.String())
	assert.NotEmpty(t, acknowledged)

	var stderr bytes.Buffer
	again := b.command(t, dir, "projections", "list") // which starts all of it too, and would end
	again.Stderr = &stderr
	require.Error(t, again.Run())
	assert.Equal(t, failed, again.ProcessState.ExitCode())
	assert.Regexp(t, `(?m)^sical: postgres ended while starting as the disk is full: make room`, stderr.String())

	disk.Free()
	s = b.serve(t, dir, small...)
	defer end(s)
	now := s.client(t)
	now.position = c.position
	for _, id := range acknowledged {
		require.Equal(t, http.StatusOK, now.get("/v1/goals/"+id, token).status)
	}
	now.goesOn(token, refused, refused)
	assert.Contains(t, b.output(t, dir, "", "projections", "verify", "goal"), " 0 differences")
}

// moved puts a folder with what it holds on a small disk of its own.
func moved(t *testing.T, dir string) *testkit.Disk {
	t.Helper()
	info, err := os.Stat(dir)
	require.NoError(t, err)
	aside := dir + ".aside"
	out, err := exec.CommandContext(t.Context(), "cp", "-a", dir, aside).CombinedOutput()
	require.NoError(t, err, string(out))
	disk := testkit.SmallDisk(t, dir, 80<<20)
	out, err = exec.CommandContext(t.Context(), "cp", "-a", aside+"/.", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	now, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, info.Mode(), now.Mode())
	return disk
}

// runsOut creates goals until one is refused as there is no room, and returns its id
// and key. Nothing of it was done.
func (s *system) runsOut(token string) (key, id string) {
	s.t.Helper()
	for range 1000 {
		key, id = uuid.NewString(), uuid.NewString()
		r := s.call(http.MethodPost, "/v1/goals", token, goal(id), "Idempotency-Key", key)
		if r.status == http.StatusCreated {
			continue
		}
		require.Equal(s.t, http.StatusServiceUnavailable, r.status, r.body)
		assert.Equal(s.t, "unavailable", r.field(s.t, "code"))
		assert.Contains(s.t, r.body, "Nothing of this was done")
		assert.NotEmpty(s.t, r.header.Get("Retry-After"))
		return key, id
	}
	s.t.Fatal("it never runs out")
	return "", ""
}

// goesOn sends what was refused again, twice: it is done once.
func (s *system) goesOn(token, key, id string) {
	s.t.Helper()
	body := goal(id)
	first := s.call(http.MethodPost, "/v1/goals", token, body, "Idempotency-Key", key)
	require.Equal(s.t, http.StatusCreated, first.status, first.body)
	again := s.call(http.MethodPost, "/v1/goals", token, body, "Idempotency-Key", key)
	assert.Equal(s.t, first.body, again.body)
	assert.Equal(s.t, "true", again.header.Get("Idempotent-Replayed"))
	s.position = first.header.Get("Sical-Position")
	assert.Equal(s.t, http.StatusOK, s.get("/v1/goals/"+id, token).status)
}

// freshLog has the write-ahead log begin a new file, whose room is there already.
func (b binary) freshLog(t *testing.T, dir string) {
	t.Helper()
	run, err := embedded.ReadRun(dir)
	require.NoError(t, err)
	for _, of := range run.PostgresURLs {
		address, err := url.Parse(of)
		require.NoError(t, err)
		address.User = url.User("sical_super") // over the socket, for who may enter its folder
		conn, err := pgx.Connect(t.Context(), address.String())
		require.NoError(t, err)
		defer conn.Close(t.Context())
		for range 2 { // the second makes the first one's file
			_, err = conn.Exec(t.Context(), `select pg_switch_wal(), pg_logical_emit_message(true, 'test', 'begins it')`)
			require.NoError(t, err)
		}
		return
	}
}

// view is how a view stands.
func (b binary) view(t *testing.T, dir, name string) projector.Status {
	t.Helper()
	for line := range strings.Lines(b.output(t, dir, "", "projections", "list", "--json")) {
		var found projector.Status
		require.NoError(t, json.Unmarshal([]byte(line), &found))
		if found.View == name {
			return found
		}
	}
	t.Fatalf("%s is not listed", name)
	return projector.Status{}
}
