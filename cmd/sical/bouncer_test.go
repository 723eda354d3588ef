package main

import (
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// The page on sizing says how a query process connects through PgBouncer: with what PgBouncer
// is told there to pass over it is let in, and the role has just those settings from elsewhere.
func TestQueryGoesThroughPgBouncer(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/sizing.md")
	require.NoError(t, err)
	listed := regexp.MustCompile(`(?m)^ignore_startup_parameters = (.+)$`).FindSubmatch(text)
	require.NotNil(t, listed)
	given := map[string]string{}
	for _, line := range regexp.MustCompile(`alter role sical_query set (\w+) = '(.+?)';`).FindAllSubmatch(text, -1) {
		given[string(line[1])] = string(line[2])
	}

	db := testkit.Database(t, migrated)
	b := newBouncer(t, db.Socket(), strings.Split(string(listed[1]), ","))
	c := Config{DataDir: t.TempDir(), PostgresURL: db.AdminURL, NATSURL: testkit.NATS(t).URL}
	command := role(t, c, (*App).startCommand)
	role(t, c, (*App).startProjecting)
	c.PostgresURL = "postgres://" + postgres.RoleQuery + "@" + b.Addr().String() + "/" + db.Name + "?sslmode=disable"
	query := role(t, c, (*App).startQuery)
	_, token, _ := command.account("ada")
	query.position = command.position
	require.Contains(t, query.get("/v1/users/me", token).body, `"ada"`)
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Equal(t, b.passedOver, given)
}

// bouncer lets connections through to a server as PgBouncer does: who brings a setting that it
// neither keeps track of nor is told to pass over is refused.
type bouncer struct {
	net.Listener
	server string
	ignore []string

	mu         sync.Mutex
	passedOver map[string]string
	running    sync.WaitGroup
}

// tracked are the settings that PgBouncer keeps track of.
var tracked = []string{"user", "database", "application_name", "client_encoding", "datestyle", "intervalstyle", "standard_conforming_strings", "timezone"}

// newBouncer listens until the test ends.
func newBouncer(t *testing.T, server string, ignore []string) *bouncer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &bouncer{Listener: l, server: server, ignore: ignore, passedOver: map[string]string{}}
	t.Cleanup(func() {
		_ = l.Close()
		b.running.Wait()
	})
	b.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			b.running.Go(func() { b.serve(client) })
		}
	})
	return b
}

// serve lets a connection in and through, until one side ends it.
func (b *bouncer) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	backend := pgproto3.NewBackend(client, client)
	first, err := backend.ReceiveStartupMessage()
	begin, ok := first.(*pgproto3.StartupMessage)
	if err != nil || !ok { // that something be cancelled
		return
	}
	if name := b.refused(begin.Parameters); name != "" {
		backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: " + name})
		_ = backend.Flush()
		return
	}
	server, err := net.Dial("unix", b.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	packet, err := begin.Encode(nil)
	if err != nil {
		return
	}
	if _, err := server.Write(packet); err != nil {
		return
	}
	b.running.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	_, _ = io.Copy(client, server)
}

// refused takes out of the settings what is passed over, and names one that may not be there.
func (b *bouncer) refused(settings map[string]string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, value := range settings {
		switch {
		case slices.Contains(b.ignore, name):
			b.passedOver[name] = value
			delete(settings, name)
		case !slices.Contains(tracked, strings.ToLower(name)):
			return name
		}
	}
	return ""
}
