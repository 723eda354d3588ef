package webhook

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// TestMalformedAnswerIsNotKept: what listens at an address may be anything, as where a port
// is wrong. net/http tells the line that it could not read.
func TestMalformedAnswerIsNotKept(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"a line": 32 << 10, "no end of one": 8 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.hook("http://"+babbler(t, strings.Repeat("\x01", size)+"\n"), "point.*")
			w.deliver(brief, loopback, nil)
			w.points(1)
			w.eventually(id, func(_ uint64, failures int, _ string) bool { return failures > 0 })
			var reason string
			require.NoError(t, w.admin.QueryRow(t.Context(), `select error from sical.webhook_delivery limit 1`).Scan(&reason))
			require.NotEmpty(t, reason)
			require.LessOrEqual(t, len(reason), maxReason)
		})
	}
}

// The latest attempts of a webhook are kept, and all of another's.
func TestLatestAttemptsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, other := uuid.New(), uuid.New()
	for _, webhook := range []events.ID{other, id} {
		_, err := w.admin.Exec(t.Context(), `
			insert into sical.webhook_delivery (webhook, position, event_id, type, took_ms)
			select $1, n, gen_random_uuid(), 'point.created', 0 from generate_series(1, 150) n`, webhook)
		require.NoError(t, err)
	}
	hooks := New(Config{Pool: w.pool, Logger: w.logger, Now: time.Now})
	hooks.note(t.Context(), id, events.Event{Position: 151, ID: uuid.New(), Type: "point.created"}, time.Now(), http.StatusNoContent, nil)
	for webhook, want := range map[events.ID][3]int{id: {100, 52, 151}, other: {150, 1, 150}} {
		var kept [3]int
		require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*), min(position), max(position) from sical.webhook_delivery where webhook = $1`, webhook).
			Scan(&kept[0], &kept[1], &kept[2]))
		require.Equal(t, want, kept)
	}
}

// babbler answers each request with the text, and no word of HTTP. It hears the whole
// request first: before that, its words would be those of an idle connection.
func babbler(t *testing.T, text string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if request, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, request.Body)
				_, _ = conn.Write([]byte(text)) // whoever has heard enough hangs up
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-done
	})
	return listener.Addr().String()
}
