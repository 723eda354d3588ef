package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// fleet is roles as processes of their own, on one Postgres and one NATS.
type fleet struct {
	*testing.T
	b     binary
	dir   string
	env   []string
	admin *pgxpool.Pool
	api   *system
}

// newFleet starts the command role.
func (b binary) newFleet(t *testing.T) *fleet {
	t.Helper()
	db := testkit.Database(t, migrated)
	admin, err := postgres.Open(t.Context(), db.AdminURL, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	f := &fleet{T: t, b: b, dir: b.folder(t), admin: admin, env: append(os.Environ(),
		"SICAL_POSTGRES_URL="+db.AdminURL, "SICAL_NATS_URL="+testkit.NATS(t).URL,
		"SICAL_LISTEN=127.0.0.1:0", "SICAL_ADMIN_LISTEN=127.0.0.1:0")}
	_, said := f.start("command")
	var url string
	testkit.Eventually(t, func() error {
		found := regexp.MustCompile(`API (http\S+)`).FindStringSubmatch(said.String())
		if found == nil {
			return errors.New("the command role has not started")
		}
		url = found[1]
		return nil
	})
	f.api = (&server{url: url}).client(t)
	return f
}

// command is a subcommand of the fleet's.
func (f *fleet) command(args ...string) *exec.Cmd {
	cmd := f.b.command(f.T, f.dir, args...)
	cmd.Env = append(f.env, "HOME="+f.dir)
	return cmd
}

// run runs a subcommand that has to succeed and returns what it prints; its log is apart.
func (f *fleet) run(args ...string) string {
	f.Helper()
	cmd, said := f.command(args...), &testkit.Log{}
	cmd.Stderr = said
	out, err := cmd.Output()
	require.NoError(f, err, "%v: %s%s", args, out, said)
	return string(out)
}

// start starts a role and returns its process and what it says.
func (f *fleet) start(role string) (*exec.Cmd, *testkit.Log) {
	f.Helper()
	cmd, said := f.command(role), &testkit.Log{}
	cmd.Stdout, cmd.Stderr = said, said
	require.NoError(f, cmd.Start())
	f.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone, or asleep
		_ = cmd.Wait()
		if f.Failed() {
			f.Logf("%s %d: %s", role, cmd.Process.Pid, said)
		}
	})
	return cmd, said
}

func (f *fleet) projector() *exec.Cmd {
	f.Helper()
	cmd, _ := f.start("projector")
	return cmd
}

// owns counts the units that each process owns, and all there are.
func (f *fleet) owns() (by map[int]int, all int, err error) {
	rows, err := f.admin.Query(context.Background(), `
		select coalesce(split_part(o.owner, '/', 2)::int, 0)
		from sical.projection left join sical.projector o using (owner)`)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	by = map[int]int{}
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			return nil, 0, err
		}
		by[pid]++
		all++
	}
	return by, all, rows.Err()
}

// spread waits until the processes share all units as evenly as can be, and tells
// how long that took.
func (f *fleet) spread(among ...*exec.Cmd) time.Duration {
	f.Helper()
	begun := time.Now()
	testkit.Eventually(f, func() error {
		by, all, err := f.owns()
		if err != nil {
			return err
		}
		if all < len(projections.Views()) {
			return errors.New("not all views have begun")
		}
		for _, cmd := range among {
			if n := by[cmd.Process.Pid]; n < all/len(among) {
				return fmt.Errorf("process %d has %d of %d: %v", cmd.Process.Pid, n, all, by)
			}
		}
		if len(by) != len(among) {
			return fmt.Errorf("some are others': %v", by)
		}
		return nil
	})
	return time.Since(begun)
}

// exact verifies every view against the log.
func (f *fleet) exact() {
	f.Helper()
	testkit.Eventually(f, func() error {
		var behind int
		err := f.admin.QueryRow(context.Background(), `
			select count(*) from sical.projection where position < (select max(position) from sical.events)`).Scan(&behind)
		if err == nil && behind > 0 {
			err = fmt.Errorf("%d units are behind", behind)
		}
		return err
	})
	for _, v := range projections.Views() {
		assert.Contains(f, f.run("projections", "verify", v.Name), "0 differences", v.Name)
	}
}

// sharesOut has projectors share units, kills one without a word, has another sleep
// through its leases and wake up, all while facts come in.
func (b binary) sharesOut(t *testing.T) {
	f := b.newFleet(t)
	one, two := f.projector(), f.projector()
	f.spread(one, two)
	f.run("projections", "rebuild", "progress", "--shards", "5")
	f.run("projections", "rebuild", "goal", "--shards", "2")
	f.spread(one, two)
	end := f.busy()

	require.NoError(t, one.Process.Kill())
	t.Log("all owned by the other", f.spread(two), "after a kill")
	three := f.projector()
	t.Log("shared with a new one", f.spread(two, three), "after its start")

	require.NoError(t, three.Process.Signal(syscall.SIGSTOP))
	leases := time.After(9 * time.Second) // three
	t.Log("all owned by the other", f.spread(two), "after a stop")
	<-leases
	require.NoError(t, three.Process.Signal(syscall.SIGCONT))
	t.Log("shared again", f.spread(two, three), "after it went on")
	t.Log(end(), "commands meanwhile")
	f.exact()
}

// busy has somebody study and set goals until end is called, which tells how often.
func (f *fleet) busy() (end func() int) {
	f.api.account("ada")
	token := strings.TrimSpace(f.run("token", "--username", "ada", "--role", "admin"))
	var points []string
	for i := range 8 {
		points = append(points, f.api.do(http.MethodPost, "/v1/points", token, fmt.Sprintf(`{"title":"Point %d"}`, i)))
	}
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { <-stop; done <- n }()
		pace := time.NewTicker(20 * time.Millisecond) // one person may not ask much faster
		defer pace.Stop()
		for ; ; n++ {
			select {
			case <-stop:
				return
			case <-pace.C:
			}
			path, body := "/v1/points/"+points[n%len(points)]+"/study", `{"amount":3}`
			if n%4 == 0 {
				path, body = "/v1/goals", `{"title":"More"}`
			}
			r := f.api.perseveres(http.MethodPost, path, token, body)
			if !assert.Contains(f, []int{http.StatusOK, http.StatusCreated}, r.status, r.body) { // or none at all
				return
			}
		}
	}()
	return func() int { close(stop); return <-done }
}
