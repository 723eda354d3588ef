package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
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

// readRound is how long one round of each contender lasts: a machine that is shared is
// slower for some seconds than for the next, and should be so for all of them.
const readRound = 400 * time.Millisecond

// play plays contenders in the same rounds, every other one backwards, and tells the medians of rate,
// of processor time and of that as a multiple of the first contender's in the same round,
// which it returns.
func play(b *testing.B, contenders ...*contender) (times []float64) {
	b.Helper()
	for _, c := range contenders {
		c.rates, c.costs = nil, nil
		c.round(b, 200*time.Millisecond)
	}
	order := slices.Clone(contenders)
	for b.Loop() {
		for _, c := range order {
			rate, cost := c.round(b, readRound)
			c.rates, c.costs = append(c.rates, rate), append(c.costs, cost)
		}
		slices.Reverse(order)
	}
	b.ReportMetric(0, "ns/op") // the length of a round is ours
	table := fmt.Sprintf("%-36s %12s %14s %8s\n", "", "requests/s", "CPU µs each", "times")
	for _, c := range contenders {
		rate, cost := loadtest.Median(c.rates), loadtest.Median(c.costs)
		multiple := loadtest.Median(multiples(c.costs, contenders[0].costs))
		unit := strings.ReplaceAll(c.name, " ", "-")
		b.ReportMetric(rate, unit+"-requests/s")
		b.ReportMetric(cost, unit+"-cpu-µs")
		b.ReportMetric(multiple, unit+"-times")
		table += fmt.Sprintf("%-36s %12.0f %14.1f %8.2f\n", c.name, rate, cost, multiple)
		times = append(times, multiple)
	}
	b.Log("\n" + table)
	return times
}

// multiples are those of the costs of another contender, round by round.
func multiples(costs, others []float64) []float64 {
	list := make([]float64, len(costs))
	for i, cost := range costs {
		list[i] = cost / others[i]
	}
	return list
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
	l := fill(b, system.PublicURL, signer, smallLibrary)
	file, list := l.answers(b, l.everything(0))
	url, pid := bareServer(b, bare, "-answers", file)
	redis := redisPeer(b, dir)
	tags := map[string]string{}
	sizes := map[string]int{}
	for _, k := range list {
		tags[k.Path] = k.ETag
		sizes[kindOf(k.Path)] = len(k.Body)
	}
	against := func(b *testing.B, work loadtest.Work, more ...*contender) []float64 {
		before := remembers(b, system.AdminURL)
		times := play(b, append([]*contender{
			{name: "bare", url: url, roots: []int{pid}, work: work},
			{name: "sical", url: system.PublicURL, roots: []int{system.PID}, work: work},
		}, more...)...)
		require.Less(b, remembers(b, system.AdminURL).loadedSince(before), .01, "answers came from memory")
		return times
	}
	for _, kind := range []struct {
		name string
		of   target
	}{
		{"points", l.point},
		{"users", func(conn, _ int) (string, load.Person) { return "/v1/users/" + l.person(conn).ID, l.person(conn) }},
		{"goals", func(conn, _ int) (string, load.Person) {
			return "/v1/goals/" + l.goals[conn%len(l.goals)], l.person(conn)
		}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			b.Logf("%s of %d bytes", kind.name, sizes[kind.name])
			var peers []*contender
			if redis != nil {
				peers = append(peers, redis.reading(b, sizes[kind.name]))
			}
			times := against(b, l.reading(kind.of, nil), peers...)
			testkit.AtMost(b, "of the bare handler's CPU", times[1], 1.5)
			if redis != nil {
				testkit.AtMost(b, "of the CPU of the seed's design", times[1]/times[2], .5)
			}
		})
	}
	b.Run("304", func(b *testing.B) {
		work := l.reading(l.point, func(path string) []string { return []string{"If-None-Match: " + tags[path]} })
		testkit.AtMost(b, "of a bare 304's CPU", against(b, work)[1], 1.3)
	})
}

func kindOf(path string) string { return strings.Split(path, "/")[2] }

// BenchmarkUncachedRead plays a read that memory does not have against a bare Echo
// handler that reads the finished answer along a primary key, 64 connections each and 256.
// Required are at most 0.7 of its processor time, Postgres' included, for a point
// and a user as others see them, and 1.3 for what is composed for its viewer: a goal with a path,
// whether many goals have it or no other, and one's own profile. Memory takes no answer in. There
// are two of each, whose costs count alike: two processes of one program differ by up to a
// twentieth for as long as they live.
func BenchmarkUncachedRead(b *testing.B) {
	dir := b.TempDir()
	program, bare := filepath.Join(dir, "sical"), filepath.Join(dir, "bare")
	build(b, ".", program)
	build(b, "../../internal/bench/bare", bare)
	var sides [2]struct {
		system             *launched
		curated, scattered *library
	}
	for i := range sides {
		system, signer := startSical(b, program, "--rate-limit", "1000000", "--rate-burst", "1000000", "--cache-bytes", "1")
		sides[i].system = system
		sides[i].curated = fill(b, system.PublicURL, signer, holding{points: 5000, paths: 200, people: 4000})
		sides[i].scattered = fill(b, system.PublicURL, signer, holding{points: 20_000, paths: 4000, people: 4000})
	}
	for _, kind := range []struct {
		name      string
		scattered bool
		of        func(*library) target
		beside    int // who sees what the bare handler gives
		most      float64
		crowds    []int
	}{
		{"points", false, func(l *library) target { return l.point }, 1, .7, []int{benchConnections, 4 * benchConnections}},
		{"users", false, func(l *library) target { return l.user }, 1, .7, []int{benchConnections, 4 * benchConnections}},
		{"goals", false, func(l *library) target { return l.goal }, 1, 1.3, []int{benchConnections, 4 * benchConnections}},
		{"own profile", false, func(l *library) target { return l.self }, 0, 1.3, []int{benchConnections}},
		{"goals of as many paths", true, func(l *library) target { return l.goal }, 1, 1.3, []int{benchConnections}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			var contenders []*contender
			for i, side := range sides {
				l := side.curated
				if kind.scattered {
					l = side.scattered
				}
				_, list := l.answers(b, l.everything(kind.beside))
				database := testkit.DurablePostgres(b).Database(b, nil)
				keep(b, database.AdminURL, list)
				url, pid := bareServer(b, bare, "-postgres-url", database.AdminURL)
				work := l.reading(kind.of(l), nil)
				which := []string{"", "another "}[i]
				contenders = append(contenders,
					&contender{name: which + "bare from Postgres", url: url, roots: []int{pid, postmaster(b, database.AdminURL)}, work: work},
					&contender{name: which + "sical", url: side.system.PublicURL, roots: []int{side.system.PID}, work: work})
			}
			for _, crowd := range kind.crowds {
				b.Run(fmt.Sprint(crowd), func(b *testing.B) {
					for _, c := range contenders {
						c.crowd = crowd
					}
					before := []remembered{remembers(b, sides[0].system.AdminURL), remembers(b, sides[1].system.AdminURL)}
					play(b, contenders...)
					for i, side := range sides {
						require.Greater(b, remembers(b, side.system.AdminURL).loadedSince(before[i]), .95, "next to nothing came from memory")
					}
					times := slices.Concat(multiples(contenders[1].costs, contenders[0].costs), multiples(contenders[3].costs, contenders[2].costs))
					testkit.AtMost(b, "of a bare read's CPU", loadtest.Median(times), kind.most)
				})
			}
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
