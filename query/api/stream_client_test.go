package api

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/live"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// client follows something at the usual pace, in the time of a bubble, and reads so many
// bytes a second.
type client struct {
	net.Conn
	hub     *live.Hub
	rate    int
	heard   chan string // what it was sent; closed when the stream has ended
	beats   atomic.Int64
	dropped atomic.Int64
	ended   atomic.Bool // the session
}

func (c *client) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	time.Sleep(time.Duration(n) * time.Second / time.Duration(c.rate))
	return n, err
}

// listen takes what it is sent, for as long as it is.
func (c *client) listen() {
	defer close(c.heard)
	for lines := bufio.NewReader(c); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			c.heard <- strings.TrimSpace(data)
		} else if line == ": \n" {
			c.beats.Add(1)
		}
	}
}

// unbuffered answers straight into a connection, which holds nothing: what is sent has been taken.
type unbuffered struct{ net.Conn }

func (unbuffered) Header() http.Header { return nil }
func (unbuffered) WriteHeader(int)     {}
func (unbuffered) Flush()              {}

// source is where a stream's answers come from.
type source interface {
	Answers
	Waiter
}

// newClient follows a view of what from tells.
func newClient(t *testing.T, view string, from source, rate int) *client {
	theirs, ours := net.Pipe()
	c := &client{Conn: theirs, hub: live.NewHub(1, 1), rate: rate, heard: make(chan string, 100)}
	stream, err := c.hub.Open(events.ID{})
	require.NoError(t, err)
	w := unbuffered{ours}
	s := &subscription{
		API: New(new(query.Answerer), from, from), stream: stream, w: w, out: http.NewResponseController(w),
		topic: &topics[slices.IndexFunc(topics, func(t topic) bool { return t.view == view })],
		cfg: StreamConfig{
			Hub: c.hub, Pace: Usual, Dropped: func() { c.dropped.Add(1) },
			Incarnation: func() (id events.ID) { return id }, SessionAlive: func(web.Principal) bool { return !c.ended.Load() },
		},
	}
	s.asked = &asked{answerer: s.answerer, today: s.today, ctx: t.Context()}
	go func() {
		defer ours.Close()
		defer stream.Close()
		if first, err := s.current(t.Context(), true); err == nil && s.begin(false, first) == nil {
			s.run(s.asked.ctx)
		}
	}()
	go c.listen()
	t.Cleanup(func() {
		c.hub.Close()
		theirs.Close()
	})
	return c
}

// large is a source whose answers are of 600 KB.
type large struct{ *replica }

func (l large) Do(ctx context.Context, q cache.Question) (cache.Answer, error) {
	answer, err := l.replica.Do(ctx, q)
	answer.Body = append(answer.Body, bytes.Repeat([]byte("0"), 600_000)...)
	return answer, err
}

// A client that takes a large event steadily, if slowly, is not left in the midst of it, to be
// sent the same again; one that is slower than any client may be is.
func TestSteadyClientKeepsItsStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &replica{applied: 1, shown: 1}
		steady := newClient(t, "goal", large{r}, 50_000)
		require.Equal(t, 600_001, len(<-steady.heard))
		r.set(2, 2)
		steady.hub.Changed(nil, true)
		require.Equal(t, 600_001, len(<-steady.heard))
		require.Zero(t, steady.dropped.Load())

		slow := newClient(t, "goal", large{r}, 10_000)
		_, goesOn := <-slow.heard
		require.False(t, goesOn)
		require.EqualValues(t, 1, slow.dropped.Load())
	})
}
