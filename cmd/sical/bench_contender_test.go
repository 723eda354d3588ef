package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/bench/load"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
)

// contender is one of the systems that are compared.
type contender struct {
	name   string
	url    string
	roots  []int // of its process trees, its Postgres among them
	crowd  int   // connections; 0 for benchConnections
	work   loadtest.Work
	settle func(context.Context) error // nil where nothing is left to do

	rates, costs []float64 // of each round: commands a second, µs of processor time a command
}

// peer is the design that sical replaces, with a Postgres of the same settings; mended,
// unless flags have it as it was sketched. It also gives the URL of its database. As in
// sical, each connection is another user.
func peer(b *testing.B, dir string, flags ...string) (c *contender, database string) {
	b.Helper()
	file := filepath.Join(dir, "seed")
	build(b, "../../internal/bench/seed", file)
	database = testkit.DurablePostgres(b).Database(b, nil).AdminURL
	cmd := exec.CommandContext(b.Context(), file, append([]string{"-listen", "127.0.0.1:0", "-postgres-url", database}, flags...)...)
	_, url, _ := strings.Cut(launch(b, cmd, "url=http"), "url=")
	return &contender{
		name: "seed's design", url: url, roots: []int{cmd.Process.Pid, postmaster(b, database)},
		work: func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
			user := present("peer", conn.Index)
			_, err := conn.Do(ctx, loadtest.Request{Method: http.MethodPost, Path: "/goals", Body: load.GoalBody(fmt.Sprintf(`"user_id":%q`, user), u)})
			return err
		},
	}, database
}

// postmaster finds the server behind a URL: the parent of what serves a connection.
func postmaster(b *testing.B, url string) (parent int) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	require.NoError(b, err)
	defer conn.Close(b.Context())
	var pid int
	require.NoError(b, conn.QueryRow(b.Context(), `select pg_backend_pid()`).Scan(&pid))
	tree, err := loadtest.Tree(pid)
	require.NoError(b, err)
	return tree[0].Parent
}

// round loads the contender once. What it leaves to be done is waited for, and
// counts among its cost.
func (c *contender) round(b *testing.B, d time.Duration) (rate, cost float64) {
	b.Helper()
	before := c.spent(b)
	r := c.load(b, cmp.Or(c.crowd, benchConnections), d)
	if c.settle != nil {
		require.NoError(b, c.settle(b.Context()))
	}
	return r.PerSecond(), float64((c.spent(b) - before).Microseconds()) / float64(r.Units)
}

// load has it do its work, none of which may fail.
func (c *contender) load(b *testing.B, connections int, d time.Duration) *loadtest.Result {
	b.Helper()
	r, err := loadtest.Load{URL: c.url, Connections: connections, Duration: d, Work: c.work}.Run(b.Context())
	require.NoError(b, err)
	require.NoError(b, r.Err, c.name)
	return r
}

func (c *contender) spent(b *testing.B) (sum time.Duration) {
	b.Helper()
	for _, pid := range c.roots {
		tree, err := loadtest.Tree(pid)
		require.NoError(b, err)
		sum += loadtest.CPU(tree)
	}
	return sum
}
