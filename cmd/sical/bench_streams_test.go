package main

import (
	"bufio"
	"bytes"
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

// BenchmarkStreamMemory opens 5,000 live streams over loopback, has one event wake them all,
// and tells what each takes of this process, the client's end of the connection included.
// Required are at most 48 KiB for each and 300 MB in all.
func BenchmarkStreamMemory(b *testing.B) {
	const streams = 5000
	a := newApp(Config{
		DataDir: b.TempDir(), PostgresURL: testkit.Database(b, migrated).AdminURL, NATSURL: testkit.NATS(b).URL,
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", MaxConns: 6, CacheBytes: 1 << 24,
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
	address := strings.TrimPrefix(a.publicURL, "http://")
	for b.Loop() {
		before := taken()
		var open []net.Conn
		for range streams {
			token, err := signer.Sign(auth.Claims{User: uuid.New(), Session: uuid.New(), Role: string(events.Learner)}, auth.AccessLifetime)
			require.NoError(b, err)
			open = append(open, follow(b, address, token))
		}
		register(b, a.publicURL, signer) // which changes what all of them follow
		for _, c := range open {
			hear(b, c)
		}
		each, all := float64(taken()-before)/streams/1024, float64(resident(b))/1e6
		b.ReportMetric(each, "KiB/stream")
		b.ReportMetric(all, "MB-resident")
		testkit.AtMost(b, "KiB for each", each, 48)
		testkit.AtMost(b, "MB resident", all, 300)
		for _, c := range open {
			require.NoError(b, c.Close())
		}
	}
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
func follow(b *testing.B, address, token string) net.Conn {
	b.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(b, err)
	_, err = fmt.Fprintf(c, "GET /v1/stream?view=statistics HTTP/1.1\r\nHost: sical\r\nAuthorization: Bearer %s\r\n\r\n", token)
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
