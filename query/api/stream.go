package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/events"
	"sical-backend/internal/live"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// StreamPath is where answers are followed.
const StreamPath = "/v1/stream"

// Pace is the times that streams keep.
type Pace struct {
	Heartbeat time.Duration // a comment is sent after so long without an event
	Check     time.Duration // how often it is asked whether the session lives
	Sending   time.Duration // how long a client may take for what it is sent, and longer for what is large
	Again     time.Duration // after an answer that could not be loaded
	Apart     time.Duration // how long a stream of the whole system does not ask after it has
}

// Usual is the Pace of production.
var Usual = Pace{Heartbeat: 15 * time.Second, Check: 2 * time.Second, Sending: 5 * time.Second, Again: time.Second, Apart: time.Second}

// topic is a question whose answers can be followed.
type topic struct {
	view string
	key  key
	ask  func(*asked) (query.Question, error)
}

// key says of what a followed view's key is the id.
type key int

const (
	unkeyed key = iota // it is of the whole system, and has no key
	byUser             // of a user, whose things it shows
	byID               // of what it shows
)

// topics are what can be followed, in their order in the description.
var topics = []topic{
	{"user", byID, func(a *asked) (query.Question, error) { return a.answerer.User(a.viewer, a.id), nil }},
	{"goal", byID, func(a *asked) (query.Question, error) { return a.answerer.Goal(a.viewer, a.id), nil }},
	{"path", byID, func(a *asked) (query.Question, error) { return a.answerer.Path(a.viewer, a.id), nil }},
	{"point", byID, func(a *asked) (query.Question, error) { return a.answerer.Point(a.id), nil }},
	{"assessment", byID, func(a *asked) (query.Question, error) { return a.answerer.Assessment(a.viewer, a.id), nil }},
	{"user-goals", byUser, func(a *asked) (query.Question, error) {
		return a.answerer.GoalsOf(a.viewer, a.id, query.GoalFilter{}, query.Paging{Limit: defaultLimit})
	}},
	{"progress", byUser, func(a *asked) (query.Question, error) {
		return a.answerer.ProgressOf(a.viewer, a.id, query.Paging{Limit: defaultLimit})
	}},
	{"statistics", unkeyed, func(a *asked) (query.Question, error) { return a.answerer.Statistics(a.today()), nil }},
	{"popular-goals", unkeyed, func(a *asked) (query.Question, error) { return a.answerer.PopularGoals(usual(a.today())), nil }},
	{"trending-points", unkeyed, func(a *asked) (query.Question, error) { return a.answerer.TrendingPoints(usual(a.today())), nil }},
}

// views lists those with such a key.
func views(keys ...key) (names []string) {
	for _, t := range topics {
		if slices.Contains(keys, t.key) {
			names = append(names, t.view)
		}
	}
	return names
}

// StreamParams lists the parameters of a stream.
func StreamParams() []Param {
	whole := views(unkeyed)
	last := len(whole) - 1
	return []Param{
		{Name: "view", Type: Text, Doc: "what to follow", Enum: views(byID, byUser, unkeyed), Required: true},
		{Name: "key", Type: ID, Doc: "the id of what is followed; of " + strings.Join(views(byUser), " and ") + " the user's; none for " +
			strings.Join(whole[:last], ", ") + " and " + whole[last]},
		{Name: "ticket", Type: Text, Doc: "of POST /v1/stream-tickets, where no access token is sent"},
		{Name: "last_event_id", Type: Text, Doc: "as the header Last-Event-ID, for an EventSource that is opened anew with another ticket"},
	}
}

// StreamConfig is what streams need beside answers.
type StreamConfig struct {
	Hub *live.Hub
	// Take uses a ticket up; it fails with live.ErrTicket.
	Take func(ctx context.Context, ticket string) (web.Principal, error)
	// SessionAlive tells whether somebody's session goes on.
	SessionAlive func(web.Principal) bool
	// Incarnation is the log's.
	Incarnation func() events.ID
	// Dropped is told of each client that was left as it took too long.
	Dropped func()
	// Failed is told of each load that failed and is tried again, unless that passes by itself.
	Failed func()
	Logger *slog.Logger
	Pace   Pace

	failing *failing
}

// RegisterStream adds the stream to e.
func (a *API) RegisterStream(e *echo.Echo, cfg StreamConfig) {
	known := names(StreamParams())
	cfg.failing = newFailing(cfg.Logger)
	handler := func(c echo.Context) error { return refused(a.follow(c, cfg, known)) }
	e.GET(StreamPath, handler)
	e.HEAD(StreamPath, handler)
}

// follow answers one stream, until its client leaves, its session ends, or what it
// shows is no longer the viewer's to see.
func (a *API) follow(c echo.Context, cfg StreamConfig, known []string) error {
	q := web.ReadQuery(c.Request().URL, known...)
	principal, bearing := web.PrincipalOf(c)
	if !bearing && !q.Has("ticket") {
		return web.NewProblem(web.Unauthenticated, "This needs an access token, or a ticket.")
	}
	about, id, err := subject(q)
	if err != nil {
		return err
	}
	last := q.Text("last_event_id", maxText)
	if header := c.Request().Header.Get("Last-Event-Id"); header != "" {
		last = header
	}
	ticket := q.Text("ticket", maxText)
	if err := q.Err(); err != nil {
		return err
	}
	fresh, err := parseFreshness(c.Request().Header)
	if err != nil {
		return err
	}
	if !bearing {
		if c.Request().Method == http.MethodHead { // which a proxy or a monitor may send first: it has to change nothing
			return web.NewProblem(web.Unauthenticated, "This needs an access token: a ticket would be used up.")
		}
		if principal, err = cfg.admit(c, ticket); err != nil {
			return err
		}
	}
	s := &subscription{API: a, cfg: cfg, topic: about, principal: principal, last: last, asked: &asked{
		answerer: a.answerer, today: a.today, viewer: query.Viewer{ID: principal.UserID, Role: events.Role(principal.Role)}, id: id, query: *q,
		ctx: web.Context(c), fresh: fresh,
	}}
	return s.open(c)
}

// admit finds out whose ticket it is, by the time that an answer has to be there.
func (cfg *StreamConfig) admit(c echo.Context, ticket string) (web.Principal, error) {
	ctx, cancel := context.WithDeadline(web.Context(c), web.Ends(c))
	defer cancel()
	principal, err := cfg.Take(ctx, ticket)
	switch {
	case errors.Is(err, live.ErrTicket):
		return principal, web.NewProblem(web.Unauthenticated, "The ticket is not valid, or was used.")
	case errors.Is(err, live.ErrReplica):
		return principal, web.NewProblem(web.Unavailable, "This process reads a replica, where tickets cannot be used: send a token instead.")
	case err == nil && !cfg.SessionAlive(principal): // it has ended since the ticket was given
		return principal, web.NewProblem(web.Unauthenticated, "The ticket's session has ended.")
	}
	return principal, err
}

// subject is what is to be followed, and of what or whom.
func subject(q *web.Query) (about *topic, id events.ID, err error) {
	view := q.Enum("view", "", views(byID, byUser, unkeyed)...)
	if q.Err() != nil {
		return nil, id, q.Err()
	}
	i := slices.IndexFunc(topics, func(t topic) bool { return t.view == view })
	if i < 0 {
		return nil, id, wrong("view", "is required")
	}
	about = &topics[i]
	switch {
	case about.key == unkeyed && q.Has("key"):
		return nil, id, wrong("key", "does not go with "+view)
	case about.key == unkeyed:
		return about, id, nil
	case !q.Has("key"):
		return nil, id, wrong("key", "is required")
	}
	id = q.UUID("key")
	return about, id, q.Err()
}
