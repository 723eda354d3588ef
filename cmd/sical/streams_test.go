package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/live"
	"sical-backend/internal/openapi"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// The description says of streams how many there may be.
func TestTheLimitsOfStreamsAreDescribed(t *testing.T) {
	t.Parallel()
	require.Contains(t, strings.ReplaceAll(string(openapi.Document()), ",", ""),
		fmt.Sprintf("A user may have %d open in a process (429) a process %d (503).", streamsEach, mostStreams))
}

// sent is one event of a stream.
type sent struct{ event, id, data string }

// listener is a client that follows something.
type listener struct {
	t      *testing.T
	cancel context.CancelFunc
	events chan sent // closed when the stream ends
	status int
}

// listen opens a stream; query is the part of the URL behind the question mark.
func (s *system) listen(query string, headers ...string) *listener {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	l := &listener{t: s.t, cancel: cancel, events: make(chan sent, 100)}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/v1/stream?"+query, nil)
	require.NoError(s.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	l.status = answer.StatusCode
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(l.events)
		defer answer.Body.Close()
		lines, next := bufio.NewScanner(answer.Body), sent{}
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				next.event = value
			case "id":
				next.id = value
			case "data":
				next.data = value
			case "":
				if next.event != "" {
					l.events <- next
				}
				next = sent{}
			}
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		<-done
	})
	return l
}

// next waits for an event of that name.
func (l *listener) next(event string) sent {
	l.t.Helper()
	select {
	case got, ok := <-l.events:
		require.True(l.t, ok, "the stream ended")
		require.Equal(l.t, event, got.event, got.data)
		return got
	case <-time.After(time.Minute):
		l.t.Fatal("nothing comes")
		return sent{}
	}
}

// over waits for the stream's end.
func (l *listener) over() {
	l.t.Helper()
	select {
	case got, ok := <-l.events:
		require.False(l.t, ok, got)
	case <-time.After(time.Minute):
		l.t.Fatal("the stream goes on")
	}
}

func title(t *testing.T, e sent) string {
	t.Helper()
	var goal struct{ Title string }
	require.NoError(t, json.Unmarshal([]byte(e.data), &goal))
	return goal.Title
}

func TestStream(t *testing.T) {
	t.Parallel()
	var said testkit.Log
	s := serveOn(t, Config{
		DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL,
	}, slog.New(slog.NewTextHandler(&said, nil)))
	desk := newDesk(t, s.app)
	person := func(name string) (id, token string) {
		id = s.do(http.MethodPost, "/v1/users", "", fmt.Sprintf(`{"username":%q,"email":"%s@example.org","password":%q}`, name, name, password))
		return id, desk.token(t, id, events.Learner)
	}
	_, ana := person("ana")
	_, bo := person("bo")
	goal := s.do(http.MethodPost, "/v1/goals", ana, `{"title":"first","visibility":"public"}`)
	require.Equal(t, http.StatusOK, s.get("/v1/goals/"+goal, bo).status)
	revise := func(body string) { s.do(http.MethodPatch, "/v1/goals/"+goal, ana, body) }
	about := "view=goal&key=" + goal
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }

	t.Run("a ticket opens it once", func(t *testing.T) {
		s := s.by(t)
		ticket := s.call(http.MethodPost, "/v1/stream-tickets", ana, "").field(t, "ticket")
		l := s.listen(about + "&ticket=" + ticket)
		require.Equal(t, http.StatusOK, l.status)
		l.next("change")
		require.Equal(t, http.StatusUnauthorized, s.listen(about+"&ticket="+ticket).status)
		require.Equal(t, http.StatusUnauthorized, s.listen(about+"&ticket=none").status)
		require.Equal(t, http.StatusNotFound, s.listen("view=goal&key="+uuid.NewString(), bearer(ana)...).status)
	})

	t.Run("a ticket opens nothing later", func(t *testing.T) {
		s := s.by(t)
		ticket := s.call(http.MethodPost, "/v1/stream-tickets", ana, "").field(t, "ticket")
		owner, err := pgx.Connect(t.Context(), s.app.PostgresURL)
		require.NoError(t, err)
		defer func() { _ = owner.Close(t.Context()) }()
		var soon bool
		require.NoError(t, owner.QueryRow(t.Context(),
			`select bool_and(expires_at <= clock_timestamp() + interval '30 s') from sical.stream_ticket`).Scan(&soon))
		require.True(t, soon, "it is for 30 s")
		_, err = owner.Exec(t.Context(), `update sical.stream_ticket set expires_at = clock_timestamp()`)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, s.listen(about+"&ticket="+ticket).status)
	})

	t.Run("it goes on where it was", func(t *testing.T) {
		s := s.by(t)
		l := s.listen(about, bearer(bo)...)
		require.Equal(t, "first", title(t, l.next("change")))
		revise(`{"title":"second"}`)
		second := l.next("change")
		require.Equal(t, "second", title(t, second))
		l.cancel()

		again := s.listen(about, append(bearer(bo), "Last-Event-ID", second.id)...)
		revise(`{"title":"third"}`)
		require.Equal(t, "third", title(t, again.next("change")), "what it had is not sent again")

		_, rest, _ := strings.Cut(second.id, ".")
		for _, foreign := range []string{uuid.NewString() + "." + rest, "garbage", strings.Replace(second.id, rest, "999999.x", 1)} {
			other := s.listen(about+"&last_event_id="+foreign, bearer(bo)...)
			other.next("reset")
			require.Equal(t, "third", title(t, other.next("change")), foreign)
		}
	})

	t.Run("it follows what a goal is made of", func(t *testing.T) {
		s := s.by(t)
		path := s.do(http.MethodPost, "/v1/paths", ana, `{"title":"A path"}`)
		s.do(http.MethodPut, "/v1/goals/"+goal+"/paths", ana, fmt.Sprintf(`{"paths":[%q]}`, path))
		require.Equal(t, http.StatusOK, s.get("/v1/goals/"+goal, ana).status)
		l := s.listen(about, bearer(ana)...)
		require.Contains(t, l.next("change").data, "A path")
		s.do(http.MethodPatch, "/v1/paths/"+path, ana, `{"title":"Another way"}`)
		require.Contains(t, l.next("change").data, "Another way")
	})

	t.Run("it ends when it is no longer theirs to see", func(t *testing.T) {
		s := s.by(t)
		theirs, own := s.listen(about, bearer(bo)...), s.listen(about, bearer(ana)...)
		theirs.next("change")
		own.next("change")
		revise(`{"visibility":"private"}`)
		require.Contains(t, theirs.next("end").data, "not_found")
		theirs.over()
		require.Contains(t, own.next("change").data, "private")
	})

	t.Run("it ends with the session", func(t *testing.T) {
		s := s.by(t)
		_, cleo := person("cleo")
		mine := s.do(http.MethodPost, "/v1/goals", cleo, `{"title":"mine"}`)
		require.Equal(t, http.StatusOK, s.get("/v1/goals/"+mine, cleo).status)
		l := s.listen("view=goal&key="+mine, bearer(cleo)...)
		l.next("change")
		require.Equal(t, http.StatusNoContent, s.call(http.MethodDelete, "/v1/sessions/current", cleo, "").status)
		require.Contains(t, l.next("end").data, "session_ended")
		l.over()
	})

	t.Run("it ends with the token", func(t *testing.T) {
		s := s.by(t)
		id, _ := person("eve")
		pool, err := postgres.Open(t.Context(), s.app.PostgresURL, postgres.Options{Role: postgres.RoleCommand, MaxConns: 1})
		require.NoError(t, err)
		defer pool.Close()
		for life := time.Second; ; life *= 2 { // until it lasts for long enough to see something
			ticket, err := live.NewTickets(pool).Give(t.Context(), live.Holder{
				User: uuid.MustParse(id), Session: uuid.New(), Role: string(events.Learner), Ends: time.Now().Add(life - auth.Leeway),
			})
			require.NoError(t, err)
			l := s.listen("view=trending-points&ticket=" + ticket)
			first := testkit.Receive(t, l.events)
			if life < time.Minute && (first.event == "" || first.event == "end") {
				continue
			}
			require.Equal(t, "change", first.event, first.data)
			require.Contains(t, l.next("end").data, "session_ended")
			l.over()
			break
		}
	})

	t.Run("only so many of one user", func(t *testing.T) {
		s := s.by(t)
		_, dora := person("dora")
		for range streamsEach {
			require.Equal(t, http.StatusOK, s.listen("view=statistics", bearer(dora)...).status)
		}
		require.Equal(t, http.StatusTooManyRequests, s.listen("view=statistics", bearer(dora)...).status)
	})

	t.Run("it ends with the process", func(t *testing.T) {
		s := s.by(t)
		l := s.listen("view=statistics", bearer(ana)...)
		l.next("change")
		s.app.Close()
		for range l.events { // until it is closed
		}
		require.NotContains(t, said.String(), "cut off", "nobody waited for it to end by itself")
	})
}
