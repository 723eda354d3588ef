package api

import (
	"context"
	"strconv"
	"sync"

	"github.com/labstack/echo/v4"

	"sical-backend/events"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// asked is a request on its way to becoming a question.
type asked struct {
	answerer *query.Answerer
	today    func() events.Date
	viewer   query.Viewer
	id       events.ID // of the path, zero where the route has none
	query    web.Query
	fresh    freshness
	// The request's context is made when something is read with it: most answers
	// are in memory.
	c   echo.Context
	ctx context.Context
}

func (a *asked) context() context.Context {
	if a.ctx == nil {
		a.ctx = web.LazyContext(a.c)
	}
	return a.ctx
}

// askings are used again: new ones were 7.5 % of the garbage that reads from memory leave,
// net/http's own included. No Question may keep one.
var askings = sync.Pool{New: func() any { return new(asked) }}

func (a *asked) done() {
	*a = asked{}
	askings.Put(a)
}

// read takes a request apart as its route says: who asks, about what, and no
// parameter that the route does not name; known are the names of all that it does.
func (a *asked) read(c echo.Context, api *API, r *Route, known []string) error {
	a.answerer, a.today, a.c = api.answerer, api.today, c
	principal, ok := web.PrincipalOf(c)
	if !ok && r.Access != Public {
		return web.NewProblem(web.Unauthenticated, "This needs an access token.")
	}
	if r.Access == Admins && events.Role(principal.Role) != events.Admin {
		return web.NewProblem(web.Forbidden, "Only an admin sees this.")
	}
	a.viewer = query.Viewer{ID: principal.UserID, Role: events.Role(principal.Role)}
	if text := c.Param("id"); text != "" {
		id, ok := web.ParseID(text)
		if !ok {
			return query.ErrNotFound // nothing has such a name
		}
		a.id = id
	}
	if u := c.Request().URL; u.RawQuery != "" {
		a.query = *web.ReadQuery(u, known...)
	}
	for _, p := range r.Params {
		if p.Required && a.query.Err() == nil && !a.query.Has(p.Name) {
			return wrong(p.Name, "is required")
		}
	}
	return nil
}

func names(params []Param) []string {
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.Name
	}
	return names
}

// wrong is the problem of a parameter that the query's own getters cannot judge.
func wrong(parameter, detail string) error {
	return web.NewProblem(web.InvalidParameter, "",
		web.FieldError{Parameter: parameter, Code: string(web.InvalidParameter), Detail: detail})
}

const defaultLimit = 20

func (a *asked) page() query.Paging {
	return query.Paging{
		Limit:  a.query.Int("limit", 1, 200, defaultLimit),
		Cursor: a.query.Text("cursor", maxText),
		Total:  a.query.Bool("total"),
	}
}

// choice is the value of a parameter with an Enum.
func choice[T ~string](a *asked, p Param) T {
	return T(a.query.Enum(p.Name, "", p.Enum...))
}

// byID is the list of ids where one is given; it cannot be narrowed or paged.
func (a *asked) byID(others ...Param) (ids []events.ID, given bool, err error) {
	if !a.query.Has("ids") {
		return nil, false, nil
	}
	for _, p := range append(others, paging...) {
		if a.query.Has(p.Name) && (p.Type != Boolean || a.query.Bool(p.Name)) { // false narrows nothing
			return nil, true, wrong(p.Name, "does not go with ids")
		}
	}
	return a.query.UUIDs("ids"), true, nil
}

// past is the position to look back to, and whether one is given: as a position,
// or as an instant, of which it is the last one recorded by then. Whether the log has come to
// a position is found by who reads it: what is in memory is answered without asking.
func (a *asked) past() (position uint64, given bool, err error) {
	if err := a.query.Err(); err != nil || !a.query.Has(asOf.Name) {
		return 0, false, err
	}
	text := a.query.Text(asOf.Name, maxText)
	if position, err := strconv.ParseUint(text, 10, 63); err == nil && text[0] != '+' {
		if position == 0 {
			return 0, true, query.ErrBeforeLog
		}
		return position, true, nil
	}
	instant := a.query.Instant(asOf.Name)
	if a.query.Err() != nil {
		return 0, true, wrong(asOf.Name, "expected a position, or an instant as RFC 3339 writes it")
	}
	err = a.fresh.patiently(a.context(), a.fresh.position, func(least uint64) (err error) {
		position, err = a.answerer.PositionAt(a.context(), instant, least)
		return err
	})
	return position, true, err
}

// one asks about one thing: as it is now, or as it was.
func (a *asked) one(now func() query.Question, then func(position uint64) query.Question) (query.Question, error) {
	position, given, err := a.past()
	if err != nil {
		return query.Question{}, err
	}
	if given {
		return then(position), nil
	}
	return now(), nil
}

// search is what is searched for, nil for nothing. It fails with whatever is wrong
// with the query.
func (a *asked) search() (query.Search, error) {
	text := a.query.Text(words.Name, maxText)
	if err := a.query.Err(); err != nil || text == "" {
		return nil, err
	}
	if a.query.Bool("total") {
		return nil, wrong("total", "does not go with "+words.Name)
	}
	search, err := query.ParseSearch(text)
	if err != nil {
		return nil, wrong(words.Name, err.Error())
	}
	return search, nil
}
