package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/bench/load"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
)

// BenchmarkStreamMemory opens 5,000 live streams over loopback, has each sent an event, and tells
// what each takes of this process, the client's end of the connection included, and what is
// kept of answers in memory, a mebibyte at most: where all follow one answer, and where each follows
// a goal of their own. Required are at most 48 KiB for each and 300 MB in all, of which the latter is
// not asked where the process has just made 5,000 goals, and its NATS has their events.
func BenchmarkStreamMemory(b *testing.B) {
	const streams = 5000
	a, signer := streaming(b)
	b.Run("of one answer", func(b *testing.B) {
		all := measureStreams(b, a, streams, func(int) (view, token string) {
			token, err := signer.Sign(auth.Claims{User: uuid.New(), Session: uuid.New(), Role: string(events.Learner)}, auth.AccessLifetime)
			require.NoError(b, err)
			return "statistics", token
		}, func() { register(b, a.publicURL, signer) })
		testkit.AtMost(b, "MB resident", all, 300)
	})
	b.Run("of a goal each", func(b *testing.B) {
		l := fill(b, a.publicURL, signer, holding{points: 100, paths: 20, people: streams})
		measureStreams(b, a, streams, func(i int) (view, token string) {
			return "goal&key=" + l.goals[i], l.people[i].Token
		}, func() {
			l.each(b, streams, func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
				_, err := send(ctx, conn, l.people[u.N].Token, []string{batched("goal.revise", fmt.Sprintf(`"id":%q,"title":"Revised"`, l.goals[u.N]))})
				return err
			})
		})
	})
}

// streaming is a whole system in this process, which keeps next to no answers in memory.
func streaming(b *testing.B) (*App, *auth.Signer) {
	b.Helper()
	a := newApp(Config{
		DataDir: b.TempDir(), PostgresURL: testkit.Database(b, migrated).AdminURL, NATSURL: testkit.NATS(b).URL,
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", MaxConns: 6, CacheBytes: 1 << 20,
	}, slog.New(slog.DiscardHandler))
	b.Cleanup(a.Close)
	require.NoError(b, a.serve(b.Context()))
	keys, err := a.keyring()
	require.NoError(b, err)
	signer, err := auth.NewSigner(keys, issuer, audience, time.Now)
	require.NoError(b, err)
	testkit.Eventually(b, func() error { // before that there may be no tables
		answer, err := http.Get(a.publicURL + "/ready")
		if err != nil {
			return err
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
			return fmt.Errorf("not ready: %d, %w", answer.StatusCode, err)
		}
		return nil
	})
	return a, signer
}

// measureStreams opens streams, each of a view for whose token it is, has what all of them follow
// changed, waits until each was told, and returns the megabytes of the process.
func measureStreams(b *testing.B, a *App, streams int, of func(int) (view, token string), change func()) (all float64) {
	b.Helper()
	address := strings.TrimPrefix(a.publicURL, "http://")
	for b.Loop() {
		before := taken()
		var open []net.Conn
		for i := range streams {
			view, token := of(i)
			open = append(open, follow(b, address, view, token))
		}
		change()
		for _, c := range open {
			hear(b, c)
		}
		each := float64(taken()-before) / float64(streams) / 1024
		all = float64(resident(b)) / 1e6
		b.ReportMetric(each, "KiB/stream")
		b.ReportMetric(all, "MB-resident")
		testkit.AtMost(b, "KiB for each", each, 48)
		for _, c := range open {
			require.NoError(b, c.Close())
		}
	}
	return all
}

// register makes a user.
func register(b *testing.B, url string, signer *auth.Signer) {
	b.Helper()
	conn, err := loadtest.Dial(b.Context(), url)
	require.NoError(b, err)
	defer conn.Close()
	_, err = load.Register(b.Context(), conn, signer)
	require.NoError(b, err)
}

// hear reads an event of a stream whose first has been read.
func hear(b *testing.B, c net.Conn) {
	b.Helper()
	require.NoError(b, c.SetReadDeadline(time.Now().Add(time.Minute)))
	buffer := make([]byte, 4096)
	for read := 0; !bytes.Contains(buffer[:read], []byte("\ndata: ")); {
		n, err := c.Read(buffer[read:])
		require.NoError(b, err)
		read += n
	}
}

// follow opens a stream and reads its first event, with no buffer kept.
func follow(b *testing.B, address, view, token string) net.Conn {
	b.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(b, err)
	_, err = fmt.Fprintf(c, "GET /v1/stream?view=%s HTTP/1.1\r\nHost: sical\r\nAuthorization: Bearer %s\r\n\r\n", view, token)
	require.NoError(b, err)
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, nil)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, answer.StatusCode)
	for body, line := bufio.NewReader(answer.Body), ""; !strings.HasPrefix(line, "data: "); {
		line, err = body.ReadString('\n')
		require.NoError(b, err)
	}
	return c
}

// taken is the heap and the stacks after a collection.
func taken() uint64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// resident is the process's memory as the system counts it.
func resident(b *testing.B) (pages int) {
	b.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(b, err)
	var size int
	_, err = fmt.Sscan(string(text), &size, &pages)
	require.NoError(b, err)
	return pages * os.Getpagesize()
}
