package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/bench/load"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
)

// readRound is how long one round of each contender lasts.
const readRound = 800 * time.Millisecond

// play plays contenders in the same rounds and tells the medians of processor
// time and rate; the first is what the others are measured against.
func play(b *testing.B, contenders ...*contender) {
	b.Helper()
	for _, c := range contenders {
		c.rates, c.costs = nil, nil
		c.round(b, 200*time.Millisecond)
	}
	for b.Loop() {
		for _, c := range contenders {
			rate, cost := c.round(b, readRound)
			c.rates, c.costs = append(c.rates, rate), append(c.costs, cost)
		}
	}
	b.ReportMetric(0, "ns/op") // the length of a round is ours
	base := loadtest.Median(contenders[0].costs)
	table := fmt.Sprintf("%-36s %12s %14s %8s\n", "", "requests/s", "CPU µs each", "times")
	for _, c := range contenders {
		rate, cost := loadtest.Median(c.rates), loadtest.Median(c.costs)
		unit := strings.ReplaceAll(c.name, " ", "-")
		b.ReportMetric(rate, unit+"-requests/s")
		b.ReportMetric(cost, unit+"-cpu-µs")
		b.ReportMetric(cost/base, unit+"-times")
		table += fmt.Sprintf("%-36s %12.0f %14.1f %8.2f\n", c.name, rate, cost, cost/base)
	}
	b.Log("\n" + table)
}

// bareServer starts the bare handler on answers of a file or a database.
func bareServer(b *testing.B, file string, args ...string) (url string, pid int) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), file, args...)
	_, url, _ = strings.Cut(launch(b, cmd, "url=http"), "url=")
	return url, cmd.Process.Pid
}

// BenchmarkCachedRead plays a read from memory with everything on (tokens, limits,
// metrics, ETags) against a bare Echo handler that serves the same bytes from
// ristretto, and against the design that sical replaces (Gin, go-redis, Redis), 64
// connections each. Required are at most 1.5 times the former's processor time and
// 0.5 of the latter's; for an answer 304, 1.3 times that of a bare 304.
func BenchmarkCachedRead(b *testing.B) {
	dir := b.TempDir()
	program, bare := filepath.Join(dir, "sical"), filepath.Join(dir, "bare")
	build(b, ".", program)
	build(b, "../../internal/bench/bare", bare)
	system, signer := startSical(b, program, "--rate-limit", "1000000", "--rate-burst", "1000000", "--cache-bytes", "268435456")
	l := fill(b, system.PublicURL, signer, 500)
	file, list := l.answers(b, l.everything)
	url, pid := bareServer(b, bare, "-answers", file)
	redis := redisPeer(b, dir)
	tags := map[string]string{}
	sizes := map[string]int{}
	for _, k := range list {
		tags[k.Path] = k.ETag
		sizes[kindOf(k.Path)] = len(k.Body)
	}
	point := func(_, n int) string { return "/v1/points/" + l.points[n*7919%len(l.points)] }
	for _, kind := range []struct {
		name   string
		target func(conn, n int) string
	}{
		{"points", point},
		{"users", func(conn, _ int) string { return "/v1/users/" + l.people[conn%len(l.people)].ID }},
		{"goals", func(conn, _ int) string { return "/v1/goals/" + l.goals[conn%len(l.goals)] }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			work := l.reading(kind.target, nil)
			contenders := []*contender{
				{name: "bare", url: url, roots: []int{pid}, work: work},
				{name: "sical", url: system.PublicURL, roots: []int{system.PID}, work: work},
			}
			if redis != nil {
				contenders = append(contenders, redis.reading(b, sizes[kind.name]))
			}
			b.Logf("%s of %d bytes", kind.name, sizes[kind.name])
			play(b, contenders...)
		})
	}
	b.Run("304", func(b *testing.B) {
		work := l.reading(point, func(path string) []string { return []string{"If-None-Match: " + tags[path]} })
		play(b,
			&contender{name: "bare", url: url, roots: []int{pid}, work: work},
			&contender{name: "sical", url: system.PublicURL, roots: []int{system.PID}, work: work})
	})
}

func kindOf(path string) string { return strings.Split(path, "/")[2] }

// BenchmarkUncachedRead plays a read that memory does not have against a bare Echo
// handler that reads the finished answer along a primary key, 64 connections each.
// Required are at most 0.7 of its processor time, Postgres' included, for a point
// and a user, and 1.3 for a goal with a path.
func BenchmarkUncachedRead(b *testing.B) {
	dir := b.TempDir()
	program, bare := filepath.Join(dir, "sical"), filepath.Join(dir, "bare")
	build(b, ".", program)
	build(b, "../../internal/bench/bare", bare)
	system, signer := startSical(b, program, "--rate-limit", "1000000", "--rate-burst", "1000000", "--cache-bytes", "1000")
	l := fill(b, system.PublicURL, signer, 5000)
	_, list := l.answers(b, l.everything)
	database := testkit.DurablePostgres(b).Database(b, nil)
	keep(b, database.AdminURL, list)
	url, pid := bareServer(b, bare, "-postgres-url", database.AdminURL)
	roots := []int{pid, postmaster(b, database.AdminURL)}
	for _, kind := range []struct {
		name   string
		target func(conn, n int) string
	}{
		{"points", func(_, n int) string { return "/v1/points/" + l.points[n*7919%len(l.points)] }},
		{"users", func(_, n int) string { return "/v1/users/" + l.people[n*7919%len(l.people)].ID }},
		{"goals", func(_, n int) string { return "/v1/goals/" + l.goals[n*7919%len(l.goals)] }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			work := l.reading(kind.target, nil)
			play(b,
				&contender{name: "bare from Postgres", url: url, roots: roots, work: work},
				&contender{name: "sical", url: system.PublicURL, roots: []int{system.PID}, work: work})
		})
	}
}

// keep puts answers into a table for the bare handler.
func keep(b *testing.B, url string, list []kept) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	require.NoError(b, err)
	defer conn.Close(b.Context())
	_, err = conn.Exec(b.Context(), `create table bare (id uuid primary key, body bytea not null)`)
	require.NoError(b, err)
	rows := make([][]any, len(list))
	for i, k := range list {
		parts := strings.Split(k.Path, "/")
		rows[i] = []any{uuid.MustParse(parts[len(parts)-1]), []byte(k.Body)}
	}
	_, err = conn.CopyFrom(b.Context(), pgx.Identifier{"bare"}, []string{"id", "body"}, pgx.CopyFromRows(rows))
	require.NoError(b, err)
	_, err = conn.Exec(b.Context(), `analyze bare`)
	require.NoError(b, err)
}

// seeded is the design that sical replaces, with a Redis.
type seeded struct {
	url   string
	roots []int
}

// redisPeer starts it, where a Redis is installed.
func redisPeer(b *testing.B, dir string) *seeded {
	b.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		b.Log("not against the design that sical replaces: no redis-server is installed")
		return nil
	}
	socket := filepath.Join(dir, "redis")
	redis := exec.CommandContext(b.Context(), program, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir)
	launch(b, redis, "eady to accept")
	file := filepath.Join(dir, "seed")
	build(b, "../../internal/bench/seed", file)
	database := testkit.DurablePostgres(b).Database(b, nil)
	cmd := exec.CommandContext(b.Context(), file, "-listen", "127.0.0.1:0", "-postgres-url", database.AdminURL, "-redis", "unix://"+socket)
	_, url, _ := strings.Cut(launch(b, cmd, "url=http"), "url=")
	return &seeded{url, []int{cmd.Process.Pid, redis.Process.Pid, postmaster(b, database.AdminURL)}}
}

// reading makes goals whose answers have the size, and reads them.
func (s *seeded) reading(b *testing.B, size int) *contender {
	b.Helper()
	conn, err := loadtest.Dial(b.Context(), s.url)
	require.NoError(b, err)
	defer conn.Close()
	var paths []string
	const beside = 330 // bytes of an answer beside its description
	for i := range benchConnections {
		body := load.GoalBody(fmt.Sprintf(`"user_id":%q,"description":%q`, uuid.NewString(), strings.Repeat("x", max(size-beside, 1))), loadtest.Unit{N: i})
		a, err := conn.Do(b.Context(), loadtest.Request{Method: http.MethodPost, Path: "/goals", Body: body})
		require.NoError(b, err)
		_, rest, _ := strings.Cut(string(a.Body), `"id":"`)
		paths = append(paths, "/goals/"+rest[:36])
		_, err = conn.Do(b.Context(), loadtest.Request{Method: http.MethodGet, Path: paths[i]}) // into the cache
		require.NoError(b, err)
	}
	return &contender{name: "seed's design", url: s.url, roots: s.roots, work: func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		_, err := conn.Do(ctx, loadtest.Request{Method: http.MethodGet, Path: paths[u.N*7919%len(paths)]})
		return err
	}}
}
