package check

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/embedded"
	"sical-backend/internal/testkit"
)

// TestBackupAndRestore rehearses deploy/backup.md: a base backup and the archived
// write-ahead log, restored to now and to an earlier point, with JetStream ahead of
// it; whoever was erased since stays forgotten.
func TestBackupAndRestore(t *testing.T) {
	tool := backupTool(t)
	setPasswords(t)
	w := newWorld(t)
	c := composed(t)
	run(t, binary(t), w.here(c["migrate"].env), c["migrate"].args...)
	roles := w.startAll(c)
	api := gateway(t, roles[:1], roles[1:2])
	ana, bob := register(t, api, "ana"), register(t, api, "bob")
	hers := ana.call(t, "POST", "/v1/goals", `{"title":"her secret","visibility":"public"}`)["id"].(string)
	his := bob.call(t, "POST", "/v1/goals", `{"title":"his first","visibility":"public"}`)["id"].(string)

	w.backUp(tool, "backup")
	w.sql(`select pg_create_restore_point('noon')`)
	me := ana.call(t, "GET", "/v1/users/me", "", "Prefer", "wait=5", "Sical-Min-Position", "1")["id"].(string)
	ana.call(t, "DELETE", "/v1/users/"+me, "")
	later := bob.call(t, "POST", "/v1/goals", `{"title":"his second","visibility":"public"}`)
	at := position(later)
	bob.call(t, "GET", "/v1/goals/"+later["id"].(string), "", "Sical-Min-Position", at, "Prefer", "wait=5")
	role := w.here(c["command"].env)
	operator := map[string]string{ // no more than the page names
		"SICAL_NATS_URL": role["SICAL_NATS_URL"], "SICAL_POSTGRES_URL": w.here(c["migrate"].env)["SICAL_POSTGRES_URL"],
		"SICAL_MASTER_KEY_FILE": filepath.Join(w.dir, "volume", "keys", "master"), "SICAL_DATA_DIR": filepath.Join(w.dir, "operator"),
	}
	erased := w.file("erased.ndjson", run(t, binary(t), operator, "events", "erased"))
	w.sql(`select pg_switch_wal()`)

	for _, p := range []struct {
		name, target string
		second       bool // his second goal is there
	}{{"to now", "", true}, {"to noon", "noon", false}} {
		for _, role := range roles {
			w.stop(role)
		}
		w.restore(p.target)
		roles = w.startAll(c)
		run(t, binary(t), operator, "import", "ndjson", erased)

		bob = &visitor{api: gateway(t, roles[:1], roles[1:2])}
		bob.token = bob.call(t, "POST", "/v1/sessions", `{"username":"bob","password":"correct horse 42"}`)["access_token"].(string)
		made := bob.call(t, "POST", "/v1/goals", `{"title":"after the restore"}`)
		read := func(id string) (map[string]any, error) {
			return bob.do("GET", "/v1/goals/"+id, "", "Sical-Min-Position", position(made), "Prefer", "wait=5")
		}
		for _, id := range []string{his, made["id"].(string)} {
			_, err := read(id)
			assert.NoError(t, err, p.name)
		}
		_, err := read(later["id"].(string))
		assert.Equal(t, p.second, err == nil, "%s: his second goal: %v", p.name, err)
		goal, err := read(hers)
		assert.NotContains(t, fmt.Sprint(goal), "her secret", "%s: %v", p.name, err)
		assert.Equal(t, "0", w.sql(`select count(*)::text from sical.subject_key where subject = '`+me+`'`), p.name)
		_, err = bob.do("POST", "/v1/sessions", `{"username":"ana","password":"correct horse 42"}`)
		assert.ErrorContains(t, err, "401", p.name)
	}
}

func position(answer map[string]any) string {
	return strconv.FormatFloat(answer["position"].(float64), 'f', -1, 64)
}

// backupTool finds pg_basebackup, which not every packaging of Postgres brings.
func backupTool(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_basebackup")
	if len(found) == 0 {
		name, err := exec.LookPath("pg_basebackup")
		if err != nil {
			t.Skip("there is no pg_basebackup: install Postgres's client programs")
		}
		return name
	}
	return found[len(found)-1]
}

// startAll starts a process of each role, command, query and projector.
func (w *world) startAll(c map[string]container) []*process {
	w.t.Helper()
	command, projector, query := w.start(c["command"]), w.start(c["projector"]), w.start(c["query"])
	return []*process{command, query, projector}
}

// sql asks the database as its superuser.
func (w *world) sql(statement string) string {
	w.t.Helper()
	return sqlOn(w.t, w.instance, statement)
}

func sqlOn(t *testing.T, instance *embedded.Instance, statement string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), instance.Postgres.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var text string
	require.NoError(t, conn.QueryRow(t.Context(), statement).Scan(&text))
	return text
}

// backUp copies the data of the server that runs into a folder.
func (w *world) backUp(tool, folder string, more ...string) {
	w.t.Helper()
	args := append([]string{"--pgdata", filepath.Join(w.dir, folder), "--host", w.socket,
		"--username", "sical_super", "--checkpoint", "fast", "--wal-method", "stream"}, more...)
	out, err := exec.CommandContext(w.t.Context(), tool, args...).CombinedOutput()
	require.NoError(w.t, err, "%s", out)
}

// cluster is the folder of the data of the server.
func (w *world) cluster() string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.dir, "postgres", "pg*"))
	require.NoError(w.t, err)
	require.Len(w.t, found, 1)
	return found[0]
}

// restore replaces the database by the backup and has the log rolled forward, to a
// restore point or as far as there is any.
func (w *world) restore(target string) {
	w.t.Helper()
	require.NoError(w.t, w.instance.Close(context.Background()))
	cluster := w.cluster()
	require.NoError(w.t, os.RemoveAll(cluster))
	require.NoError(w.t, exec.Command("cp", "-a", filepath.Join(w.dir, "backup"), cluster).Run())
	require.NoError(w.t, os.WriteFile(filepath.Join(cluster, "recovery.signal"), nil, 0o600))
	settings := map[string]string{"restore_command": "cp " + shell(w.archive) + "/%f %p"}
	if target != "" {
		settings["recovery_target_name"], settings["recovery_target_action"] = target, "promote"
	}
	w.runPostgres(settings)
	testkit.Eventually(w.t, func() error {
		if w.sql(`select pg_is_in_recovery()::text`) == "true" {
			return fmt.Errorf("the write-ahead log is still rolled forward")
		}
		return nil
	})
}
