package api

import (
	"context"
	"errors"
	"slices"
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
	Sending   time.Duration // how long a client may leave what it is sent
	Again     time.Duration // after an answer that could not be loaded
}

// Usual is the Pace of production.
var Usual = Pace{Heartbeat: 15 * time.Second, Check: 2 * time.Second, Sending: 5 * time.Second, Again: time.Second}

// The parameters of a stream.
var streamParams = []Param{
	{Name: "view", Type: Text, Doc: "what to follow", Enum: streamed(), Required: true},
	{Name: "key", Type: ID, Doc: "the id of what is followed; of user-goals and progress the user's; none for statistics, popular-goals and trending-points"},
	{Name: "ticket", Type: Text, Doc: "of POST /v1/stream-tickets, where no access token is sent"},
	{Name: "last_event_id", Type: Text, Doc: "as the header Last-Event-ID, for an EventSource that is opened anew with another ticket"},
}

// StreamParams lists the parameters of a stream, for its description.
func StreamParams() []Param { return streamParams }

// streamable are the questions whose answers can be followed, by view.
var streamable = map[string]func(*asked) (query.Question, error){
	"user":       func(a *asked) (query.Question, error) { return a.asker.User(a.viewer, a.id), nil },
	"goal":       func(a *asked) (query.Question, error) { return a.asker.Goal(a.viewer, a.id), nil },
	"path":       func(a *asked) (query.Question, error) { return a.asker.Path(a.viewer, a.id), nil },
	"point":      func(a *asked) (query.Question, error) { return a.asker.Point(a.id), nil },
	"assessment": func(a *asked) (query.Question, error) { return a.asker.Assessment(a.viewer, a.id), nil },
	"user-goals": func(a *asked) (query.Question, error) {
		return a.asker.GoalsOf(a.viewer, a.id, query.GoalFilter{}, query.Paging{Limit: defaultLimit})
	},
	"progress": func(a *asked) (query.Question, error) {
		return a.asker.ProgressOf(a.viewer, a.id, query.Paging{Limit: defaultLimit})
	},
	"statistics": func(a *asked) (query.Question, error) {
		return a.asker.Statistics(events.DateOf(time.Now())), nil
	},
	"popular-goals":   func(a *asked) (query.Question, error) { return a.asker.PopularGoals(today()), nil },
	"trending-points": func(a *asked) (query.Question, error) { return a.asker.TrendingPoints(today()), nil },
}

// whole are the views of the whole system, which have no key.
var whole = []string{"statistics", "popular-goals", "trending-points"}

// streamed lists the views in their order in the description.
func streamed() []string {
	return append([]string{"user", "goal", "path", "point", "assessment", "user-goals", "progress"}, whole...)
}

// Live is what streams need beside answers.
type Live struct {
	Hub *live.Hub
	// Take uses a ticket up; it fails with live.ErrTicket.
	Take func(ctx context.Context, ticket string) (web.Principal, error)
	// Lives tells whether somebody's session goes on.
	Lives func(web.Principal) bool
	// Incarnation is the log's.
	Incarnation func() events.ID
	// Dropped is told of each client that was left as it took too long.
	Dropped func()
	Pace    Pace
}

// RegisterStream adds the stream to e.
func (a *API) RegisterStream(e *echo.Echo, l Live) {
	handler := func(c echo.Context) error { return refused(a.follow(c, l)) }
	e.GET(StreamPath, handler)
	e.HEAD(StreamPath, handler)
}

// follow answers one stream, until its client leaves, its session ends, or what it
// shows is no longer the viewer's to see.
func (a *API) follow(c echo.Context, l Live) error {
	q := web.ReadQuery(c.Request().URL, names(streamParams)...)
	principal, known := web.PrincipalOf(c)
	if !known && !q.Has("ticket") {
		return web.NewProblem(web.Unauthenticated, "This needs an access token, or a ticket.")
	}
	ask, id, err := subject(q)
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
	ctx := web.Context(c)
	if !known {
		principal, err = l.Take(ctx, ticket)
		if errors.Is(err, live.ErrTicket) {
			return web.NewProblem(web.Unauthenticated, "The ticket is not valid, or was used.")
		}
		if err != nil {
			return err
		}
		if !l.Lives(principal) { // it has ended since the ticket was given
			return web.NewProblem(web.Unauthenticated, "The ticket's session has ended.")
		}
	}
	f := &following{API: a, live: l, ask: ask, principal: principal, last: last, asked: &asked{
		asker: a.asker, viewer: query.Viewer{ID: principal.UserID, Role: events.Role(principal.Role)}, id: id, query: *q, ctx: ctx,
	}}
	return f.open(c)
}

// subject is what is asked for, and about what.
func subject(q *web.Query) (ask func(*asked) (query.Question, error), id events.ID, err error) {
	view := q.Enum("view", "", streamed()...)
	switch {
	case q.Err() != nil:
		return nil, id, q.Err()
	case view == "":
		return nil, id, wrong("view", "is required")
	case slices.Contains(whole, view) && q.Has("key"):
		return nil, id, wrong("key", "does not go with "+view)
	case slices.Contains(whole, view):
		return streamable[view], id, nil
	case !q.Has("key"):
		return nil, id, wrong("key", "is required")
	}
	id = q.UUID("key")
	return streamable[view], id, q.Err()
}
