// Package admin is what operators may ask of a running process: routes of the admin
// listener, which is never public.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/reconcile"
	"sical-backend/internal/web"
)

// Event is an event as operators are shown it. What is personal stays sealed.
type Event struct {
	Position   uint64          `json:"position"`
	ID         events.ID       `json:"event_id"`
	Stream     events.Stream   `json:"stream"`
	Version    int             `json:"version"`
	Type       string          `json:"type"`
	Schema     int             `json:"schema"`
	Owner      events.ID       `json:"owner"`
	OccurredAt time.Time       `json:"occurred_at"`
	RecordedAt time.Time       `json:"recorded_at"`
	Data       json.RawMessage `json:"data"`
	Metadata   json.RawMessage `json:"metadata"`
}

// EventOf is how e is shown.
func EventOf(e events.Event) Event {
	return Event{
		e.Position, e.ID, e.Stream, e.Version, e.Type, e.Schema, e.Owner, e.OccurredAt.UTC(), e.RecordedAt.UTC(), e.Raw, e.RawMeta,
	}
}

// Reconciler compares log and stream; a *reconcile.Reconciler.
type Reconciler interface {
	Reconcile(context.Context, reconcile.Request) (reconcile.Report, error)
}

const maxEvents = 1000

// eventPage is the answer of GET /admin/events. Next is the from of what follows.
type eventPage struct {
	Items []Event `json:"items"`
	Next  uint64  `json:"next"`
	Head  uint64  `json:"head"`
}

// reconciliation is the body of POST /admin/events/reconcile, which may be absent.
type reconciliation struct {
	From  uint64 `json:"from"`
	To    uint64 `json:"to"`
	Check bool   `json:"check"`
}

// RegisterEvents adds the routes that look at the log and hold the stream against
// it.
func RegisterEvents(e *echo.Echo, log eventlog.Reader, r Reconciler) {
	e.GET("/admin/events", func(c echo.Context) error {
		q := web.ReadQuery(c.Request().URL, "from", "limit")
		from := q.Int("from", 1, math.MaxInt, 1)
		limit := q.Int("limit", 1, maxEvents, 100)
		if err := q.Err(); err != nil {
			return err
		}
		h, err := log.History(c.Request().Context())
		if err != nil {
			return err
		}
		list, err := log.Read(c.Request().Context(), uint64(from)-1, limit)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, eventPage{Items: shown(list), Next: uint64(from) + uint64(len(list)), Head: h.Head})
	})
	registerRecent(e, log)
	e.POST("/admin/events/reconcile", func(c echo.Context) error {
		var asked reconciliation
		if c.Request().ContentLength != 0 {
			if err := web.DecodeStrict(c.Request(), 1<<10, &asked); err != nil {
				return err
			}
		}
		// All of a full stream takes longer than an answer usually may.
		_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Time{})
		report, err := r.Reconcile(c.Request().Context(), reconcile.Request{From: asked.From, To: asked.To, Check: asked.Check})
		switch {
		case errors.Is(err, reconcile.ErrRange):
			return web.NewProblem(web.RuleViolated, err.Error())
		case errors.Is(err, reconcile.ErrMoving):
			return web.NewProblem(web.Conflict, err.Error())
		case err != nil:
			return err
		}
		return c.JSON(http.StatusOK, report)
	})
}
