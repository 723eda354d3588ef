package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

func (b binary) isOperated(t *testing.T) {
	dir := b.folder(t)
	c := b.told(t, dir).client(t)

	assert.Contains(t, b.fails(t, dir, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"), "in use")

	id, _, _ := c.account("ada")
	admin := strings.TrimSpace(b.output(t, dir, "", "token", "--username", "ada", "--role", "admin"))
	point := c.do(http.MethodPost, "/v1/points", admin, `{"title":"Added by an operator"}`)

	goal := uuid.NewString()
	lines := fmt.Sprintf(`{"id":%q,"type":"goal.create","as":%q,"data":{"id":%q,"title":"Imported"}}`+"\nno command\n", uuid.NewString(), id, goal)
	first := b.output(t, dir, lines, "import", "ndjson", "-")
	assert.Contains(t, first, "line 2:")
	assert.Contains(t, strings.Join(strings.Fields(first), " "), "all 1 done 0 known 1 refused")
	again := b.output(t, dir, lines, "import", "ndjson", "-")
	assert.Contains(t, strings.Join(strings.Fields(again), " "), "all 0 done 1 known 1 refused")

	tail := b.output(t, dir, "", "events", "tail", "--from", "1")
	assert.Contains(t, tail, `"type":"goal.created"`)
	assert.Contains(t, tail, "Added by an operator")
	assert.NotContains(t, tail, "Imported", "what is personal stays sealed")
	for flag, value := range map[string]string{"stream": "point-" + point, "type": "user.registered"} {
		only := b.output(t, dir, "", "events", "tail", "--from", "1", "--"+flag, value)
		assert.NotEmpty(t, only)
		assert.Equal(t, strings.Count(only, "\n"), strings.Count(only, fmt.Sprintf("%q:%q", flag, value)), "that %s alone: %s", flag, only)
	}
	b.follows(t, dir, c, admin)
	b.signs(t, dir, c, id, admin)
	elsewhere := b
	elsewhere.first = "export PGSERVICE=theirs PGTARGETSESSIONATTRS=standby"
	assert.Contains(t, elsewhere.output(t, dir, "", "projections", "list"), "goal", "what is set for another server has no say")
	assert.Contains(t, b.output(t, dir, "", "events", "reconcile", "--check"), "They are equal.")
	assert.Contains(t, b.output(t, dir, "", "events", "replay", "--from", "1", "--to", "2", "--subject", "audit.again"), "2 events from 1 to 2 sent on audit.again")
}

// told is a server that keeps profiles and sends traces, once both are seen.
func (b binary) told(t *testing.T, dir string) *server {
	traces := make(chan string, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case traces <- r.URL.Path:
		default:
		}
	}))
	t.Cleanup(collector.Close)
	b.first = "export OTEL_BSP_SCHEDULE_DELAY=50 OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL
	profiles := filepath.Join(dir, "profiles")
	s := b.serve(t, dir, "--profile-dir", profiles, "--profile-every", "1s")
	s.client(t).call(http.MethodGet, "/v1/statistics", "", "")
	assert.Equal(t, "/v1/traces", testkit.Receive(t, traces))
	testkit.Eventually(t, func() error {
		if kept, err := os.ReadDir(profiles); err != nil || len(kept) < 2 {
			return fmt.Errorf("one of each kind is to be kept: %v, %w", kept, err)
		}
		return nil
	})
	return s
}

// follows the log as it grows, until told to end, which is no failure.
func (b binary) follows(t *testing.T, dir string, c *system, admin string) {
	cmd := b.command(t, dir, "events", "tail", "--follow", "--type", "point.created")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan(), "what there is")
	c.do(http.MethodPost, "/v1/points", admin, `{"title":"Added while it looks"}`)
	require.True(t, lines.Scan(), "what comes")
	assert.Contains(t, lines.Text(), "Added while it looks")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	assert.False(t, lines.Scan())
	assert.Equal(t, 0, exited(t, cmd))
}

// signs tokens that live as long as is asked for, for whoever is not suspended.
func (b binary) signs(t *testing.T, dir string, c *system, user, admin string) {
	token := strings.TrimSpace(b.output(t, dir, "", "token", "--user", user, "--ttl", "1h"))
	assert.Equal(t, user, c.get("/v1/users/me", token).field(t, "id"))
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var life struct{ Iat, Exp int64 }
	require.NoError(t, json.Unmarshal(claims, &life))
	assert.EqualValues(t, 3600, life.Exp-life.Iat)
	other, _, _ := c.account("eve")
	c.do(http.MethodPost, "/v1/users/"+other+"/suspend", admin, "")
	assert.Contains(t, b.fails(t, dir, "token", "--username", "eve"), "this user is suspended")
}

// TestReconcileRepairsUnlessItOnlyChecks, while no relay is there to do it first.
func TestReconcileRepairsUnlessItOnlyChecks(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL}
	reconcile := func(check bool) (said string, err error) {
		var out bytes.Buffer
		err = (&ReconcileEvents{Check: check}).Run(t.Context(), tool(t, c), &output{&out})
		return out.String(), err
	}
	s := role(t, c, (*App).startCommand)
	s.account("ada")
	testkit.Eventually(t, func() error {
		said, err := reconcile(true)
		if err == nil && !strings.Contains(said, fmt.Sprintf("the log ends at %s, the stream has 1 to %[1]s.", s.position)) {
			err = errors.New(said)
		}
		return err
	})
	s.app.Close()

	conn, err := nats.Connect(c.NATSURL, nats.Timeout(time.Minute))
	require.NoError(t, err)
	defer conn.Close()
	js := testkit.JetStream(t, conn)
	_, err = js.Publish(t.Context(), "sical.events.point", []byte(`{}`))
	require.NoError(t, err)
	said, err := reconcile(true)
	require.ErrorContains(t, err, "log and stream differ at 1 positions")
	require.Contains(t, said, "1 foreign")
	said, err = reconcile(false)
	require.NoError(t, err)
	require.Contains(t, said, "1 foreign")
	said, err = reconcile(true)
	require.NoError(t, err)
	require.Contains(t, said, "They are equal.")
}
