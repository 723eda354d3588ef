package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/openapi"
	"sical-backend/internal/openapi/contracttest"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// TestMain keeps from the tests, and from the programs they start, what whoever runs them
// has set for a system of their own: they would work on it.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		theirs := strings.HasPrefix(name, "SICAL_") && !strings.HasPrefix(name, "SICAL_TEST_")
		theirs = theirs || strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "OTEL_") && os.Getenv(benchServer) == ""
		if theirs || name == "GOGC" || name == "GOMEMLIMIT" {
			os.Unsetenv(name)
		}
	}
	testkit.Main(m)
}

// system is the whole of sical in this process, and whoever talks to it.
type system struct {
	t        *testing.T
	app      *App
	url      string
	contract *contracttest.Contract // that every request and answer has to keep
	client   *http.Client
	position string // by when all commands so far are done
}

func migrated(adminURL string) error {
	_, err := postgres.Migrate(context.Background(), adminURL)
	return err
}

// readContract reads it once: it takes longer than all else that a system begins with.
var readContract = sync.OnceValues(func() (*contracttest.Contract, error) { return contracttest.New(openapi.Document()) })

// cheap is what a password costs here: the race detector makes seconds of a hash that costs what
// is advised, and more where others work beside it.
var cheap = auth.Cost{Memory: 64, Iterations: 1}

// lingering has hashes take milliseconds: what is sent together is hashed together.
func lingering(a *App) { a.hashing = auth.Cost{Memory: 2 << 10, Iterations: 2} }

// newSystem serves on a database and a NATS of the test's own.
func newSystem(t *testing.T, prepare ...func(*App)) *system {
	t.Helper()
	return serveOn(t, Config{
		DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL,
	}, slog.New(slog.DiscardHandler), prepare...)
}

// serveOn serves with what the configuration names, until the test ends; prepare may
// change the process before anything of it starts.
func serveOn(t *testing.T, c Config, logger *slog.Logger, prepare ...func(*App)) *system {
	t.Helper()
	c.Listen, c.AdminListen, c.MaxConns, c.CacheBytes = "127.0.0.1:0", "127.0.0.1:0", 6, 1<<24
	a := newApp(c, logger)
	a.hashing = cheap
	t.Cleanup(a.Close)
	for _, f := range prepare {
		f(a)
	}
	require.NoError(t, a.serve(t.Context()))
	contract, err := readContract()
	require.NoError(t, err)
	return (&system{app: a, url: a.publicURL, contract: contract}).by(t)
}

// tool is what a subcommand wires itself on, closed when the test ends.
func tool(t *testing.T, c Config) *App {
	t.Helper()
	a := newApp(c, slog.New(slog.DiscardHandler))
	t.Cleanup(a.Close)
	return a
}

// by is the same system, talked to by another test.
func (s *system) by(t *testing.T) *system {
	c := *s
	c.t, c.client = t, s.contract.Client(t)
	return &c
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

// field is a value of the answer's JSON object, as text.
func (r reply) field(t *testing.T, name string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(r.body), &fields), r.body)
	return strings.Trim(string(fields[name]), `"`)
}

// call sends a request as whoever the token names, "" for nobody. body is JSON
// text, "" for none; headers come in pairs.
func (s *system) call(method, path, token, body string, headers ...string) reply {
	s.t.Helper()
	r, err := s.try(method, path, token, body, headers...)
	require.NoError(s.t, err)
	return r
}

// try is call where the server may cut the connection.
func (s *system) try(method, path, token, body string, headers ...string) (reply, error) {
	s.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, content)
	require.NoError(s.t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := s.client
	if strings.HasPrefix(path, "/docs") { // a page for people, which the contract cannot read
		client, request.Close = http.DefaultClient, true
	}
	response, err := client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(bytes.TrimSpace(text))}, err
}

// do sends a command that has to succeed, remembers its position and returns the
// id of what it was about.
func (s *system) do(method, path, token, body string) string {
	s.t.Helper()
	r := s.call(method, path, token, body)
	require.Contains(s.t, []int{http.StatusOK, http.StatusCreated}, r.status, "%s %s: %s", method, path, r.body)
	s.position = r.header.Get("Sical-Position")
	require.NotEmpty(s.t, s.position)
	return r.field(s.t, "id")
}

// get asks as of everything that do has done, and again as long as a view is not
// there yet: one that is built anew may take longer than a request may wait.
func (s *system) get(path, token string) reply {
	s.t.Helper()
	return s.asks(http.MethodGet, path, token)
}

// asks is get or its head alone.
func (s *system) asks(method, path, token string) (r reply) {
	s.t.Helper()
	testkit.Eventually(s.t, func() error {
		r = s.call(method, path, token, "", "Sical-Min-Position", s.position, "Prefer", "wait=5")
		if r.status == http.StatusServiceUnavailable {
			return errors.New(r.body)
		}
		return nil
	})
	return r
}

// desk signs tokens as `sical token` does.
type desk struct {
	signer   *auth.Signer
	sessions *auth.Sessions
}

// newDesk opens the keys of the data folder.
func newDesk(t *testing.T, a *App) *desk {
	t.Helper()
	keys, err := auth.OpenKeyring(filepath.Join(a.DataDir, "keys", "tokens"))
	require.NoError(t, err)
	signer, err := auth.NewSigner(keys, issuer, audience, time.Now)
	require.NoError(t, err)
	pool, err := a.pool(t.Context(), postgres.RoleCommand, 2, nil)
	require.NoError(t, err)
	v, err := a.vault(t.Context(), pool)
	require.NoError(t, err)
	return &desk{signer, auth.NewSessions(pool, signer, a.revocations, v.Hash)}
}

// token lets somebody act in a role.
func (d *desk) token(t *testing.T, user string, role events.Role) string {
	t.Helper()
	id := uuid.MustParse(user)
	credential, err := d.sessions.Credential(t.Context(), id)
	require.NoError(t, err)
	token, err := d.signer.Sign(auth.Claims{
		User: id, Session: uuid.New(), Role: string(role), Generation: credential.Generation,
	}, auth.MaxLifetime)
	require.NoError(t, err)
	return token
}
