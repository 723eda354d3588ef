package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/live"
	"sical-backend/internal/testkit"
	"sical-backend/internal/web"
	"sical-backend/projections"
	"sical-backend/query"
)

// streaming serves the world's streams at a pace that is a test's.
type streaming struct {
	*school
	server  *httptest.Server
	dropped atomic.Int64
	failed  atomic.Int64 // loads
	logged  testkit.Log
	ended   atomic.Bool  // every session
	taken   atomic.Int64 // tickets
}

// narrow keeps little of what a client does not take.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return c, err
}

func newStreaming(t *testing.T, pace Pace) *streaming {
	t.Helper()
	return streamingOf(newSchool(t), pace)
}

// streamingOf serves the streams of a school's API.
func streamingOf(of *school, pace Pace) *streaming {
	t := of.t
	t.Helper()
	s := &streaming{school: of}
	s.api.RegisterStream(s.world.server, StreamConfig{
		Hub: s.hub, Incarnation: s.incarnation, Pace: pace, Dropped: func() { s.dropped.Add(1) },
		Failed: func() { s.failed.Add(1) }, Logger: s.logged.Logger(),
		SessionAlive: func(web.Principal) bool { return !s.ended.Load() },
		Take: func(context.Context, string) (web.Principal, error) {
			s.taken.Add(1)
			return web.Principal{}, nil
		},
	})
	s.eventually(func() error { // or the first change would be of another history
		if s.incarnation() == uuid.Nil {
			return errors.New("the log is not known yet")
		}
		return nil
	})
	s.server = httptest.NewUnstartedServer(s.world.server)
	s.server.Listener = narrow{s.server.Listener}
	s.server.Start()
	t.Cleanup(func() {
		s.hub.Close()
		s.server.Close()
	})
	return s
}

// follow opens a stream and reads its lines one by one.
func (s *streaming) follow(target string, headers ...string) (conn *net.TCPConn, lines *bufio.Reader) {
	s.t.Helper()
	dialled, err := net.Dial("tcp", s.server.Listener.Addr().String())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { dialled.Close() })
	conn = dialled.(*net.TCPConn)
	require.NoError(s.t, conn.SetReadDeadline(time.Now().Add(2*time.Minute)))
	more := ""
	for i := 0; i < len(headers); i += 2 {
		more += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	_, err = fmt.Fprintf(conn, "GET %s?%s HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer %s\r\n%s\r\n", StreamPath, target, s.as(s.ann), more)
	require.NoError(s.t, err)
	return conn, bufio.NewReader(conn)
}

// until reads up to a line that begins so.
func (s *streaming) until(lines *bufio.Reader, begin string) string {
	s.t.Helper()
	for {
		line, err := lines.ReadString('\n')
		require.NoError(s.t, err, "waiting for %q", begin)
		if strings.HasPrefix(line, begin) {
			return line
		}
	}
}

func (s *streaming) titled(title string, length int) {
	s.t.Helper()
	s.happen(s.wei, events.StreamOf(events.KindPoint, s.strokes), &events.PointRevised{Title: &title, Description: new(strings.Repeat("笔", length))})
	s.project()
}

// A client that takes nothing is left within its time; another that follows the same
// misses nothing.
func TestSlowClientIsLeft(t *testing.T) {
	t.Parallel()
	// With what the size of the events adds longer than a busy machine keeps the other from reading.
	s := newStreaming(t, Pace{Heartbeat: time.Hour, Check: time.Hour, Sending: 11 * time.Second, Again: time.Second})
	about := "view=point&key=" + s.strokes.String()
	lazy, slow := s.follow(about)
	require.NoError(t, lazy.SetReadBuffer(4<<10))
	s.until(slow, "data: ")
	_, quick := s.follow(about)
	s.until(quick, "data: ")
	require.Equal(t, 2, s.hub.Len())
	for i := range 3 {
		title := fmt.Sprintf("change %d", i)
		s.titled(title, 100_000)
		require.Contains(t, s.until(quick, "data: "), title)
	}
	testkit.Eventually(t, func() error {
		if n := s.hub.Len(); n != 1 {
			return fmt.Errorf("%d streams are open", n)
		}
		return nil
	})
	require.EqualValues(t, 1, s.dropped.Load())
	s.titled("the last", 1)
	require.Contains(t, s.until(quick, "data: "), "the last")
}

func TestHeartbeatAndEndOfSession(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Pace{Heartbeat: 20 * time.Millisecond, Check: 10 * time.Millisecond, Sending: time.Minute, Again: time.Second})
	_, lines := s.follow("view=statistics")
	s.until(lines, "data: ")
	for range 3 {
		s.until(lines, ": ")
	}
	s.ended.Store(true)
	s.until(lines, "event: end")
	require.Contains(t, s.until(lines, "data: "), "session_ended")
}

// What changed while the database was away is told once it is back, without
// another change.
func TestChangeDuringAFaultIsToldLater(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Pace{Heartbeat: time.Hour, Check: time.Hour, Sending: time.Minute, Again: 20 * time.Millisecond})
	_, lines := s.follow("view=point&key=" + s.strokes.String())
	s.until(lines, "data: ")
	refuse := func(verb, preposition string) {
		_, err := s.admin.Exec(t.Context(), verb+` select on `+projections.Point.Build(1).Table()+` `+preposition+` sical_query`)
		require.NoError(t, err)
	}
	refuse("revoke", "from")
	s.titled("missed", 1)
	at := "/v1/points/" + s.strokes.String()
	s.eventually(func() error { // it has heard of the change, and cannot load it
		if got := s.get(at, ""); got.status != http.StatusInternalServerError {
			return fmt.Errorf("answered %d", got.status)
		}
		return nil
	})
	refuse("grant", "to")
	require.Contains(t, s.until(lines, "data: "), "missed")
}

// Before a view has tables that can be read, whoever asks is told to come again.
func TestNothingToReadYet(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Usual)
	_, err := s.admin.Exec(t.Context(), `update sical.view_version set serving = null`)
	require.NoError(t, err)
	s.answerer = query.NewAnswerer(s.queries, s.vault) // one that has read nothing so far
	s.api.answerer = s.answerer
	for _, target := range []string{"/v1/statistics", "/v1/points/" + s.strokes.String(), "/v1/goals", StreamPath + "?view=statistics",
		StreamPath + "?view=popular-goals", StreamPath + "?view=trending-points", StreamPath + "?view=user&key=" + s.ann.String()} {
		got := s.get(target, s.as(s.ann))
		require.Equal(t, http.StatusServiceUnavailable, got.status, "%s: %s", target, got.body)
		require.Equal(t, string(web.NotCaughtUp), problemCode(t, got), target)
		require.NotEmpty(t, got.header.Get("Retry-After"), target)
	}
	require.Zero(t, s.hub.Len())
}

func TestWholeViewsHaveNoKey(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Usual)
	for _, view := range views(unkeyed) {
		got := s.get(StreamPath+"?view="+view+"&key="+uuid.NewString(), s.as(s.ann))
		require.Equal(t, http.StatusBadRequest, got.status, got.body)
		_, lines := s.follow("view=" + view)
		s.until(lines, "data: ")
	}
}

// What is of the whole system tells of days: it is told anew when one begins, though nothing
// happens.
func TestDaysBeginInStreams(t *testing.T) {
	t.Parallel()
	of := newSchool(t)
	var day atomic.Int64
	day.Store(int64(events.DateOf(beginning)))
	of.api.today = func() events.Date { return events.Date(day.Load()) }
	s := streamingOf(of, Pace{Heartbeat: time.Hour, Check: 10 * time.Millisecond, Sending: time.Minute, Again: 20 * time.Millisecond})
	var open []*bufio.Reader
	for _, view := range views(unkeyed) {
		_, lines := s.follow("view=" + view)
		require.Contains(t, s.until(lines, "data: "), `"at":"2026-03-01"`, view)
		open = append(open, lines)
	}
	day.Add(1)
	for _, lines := range open {
		require.Contains(t, s.until(lines, "data: "), `"at":"2026-03-02"`)
	}
}

// The key is an id in the one form that every other route takes.
func TestStreamKeyIsAnID(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Usual)
	id := s.strokes.String()
	for _, key := range []string{strings.ReplaceAll(id, "-", ""), "{" + id + "}", "urn:uuid:" + id, id[1:], "", "strokes"} {
		got := s.get(StreamPath+"?view=point&key="+url.QueryEscape(key), s.as(s.ann))
		require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", key, got.body)
		require.Contains(t, got.body, "key")
	}
	_, lines := s.follow("view=point&key=" + id)
	s.until(lines, "data: ")
}

// Who asks with HEAD first takes no ticket from whoever opens the stream then.
func TestHeadLeavesTheTicket(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Usual)
	target := StreamPath + "?ticket=any&view=point&key=" + s.strokes.String()
	response, err := s.server.Client().Head(s.server.URL + target)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
	require.Zero(t, s.taken.Load())
}

// A ticket opens nothing once the session that it was given in has ended, nor while the
// process has as many streams open as may be.
func TestTicketsThatOpenNothing(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Pace{Heartbeat: time.Hour, Check: time.Hour, Sending: 5 * time.Second, Again: time.Second})
	target := s.server.URL + StreamPath + "?ticket=any&view=point&key=" + s.strokes.String()
	open := func() int {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		require.NoError(t, err)
		response, err := s.server.Client().Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, open())
	s.eventually(func() error { // its place is free again once it has noticed
		if n := s.hub.Len(); n > 0 {
			return fmt.Errorf("%d streams are open", n)
		}
		return nil
	})
	s.ended.Store(true)
	require.Equal(t, http.StatusUnauthorized, open())

	s.ended.Store(false)
	var err error
	for i := 0; err == nil && i < 200; i++ {
		_, err = s.hub.Open(uuid.New())
	}
	require.ErrorIs(t, err, live.ErrFull)
	require.Equal(t, http.StatusServiceUnavailable, open())
}
