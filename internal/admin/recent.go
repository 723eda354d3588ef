package admin

import (
	"math"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/web"
)

const (
	// lookBack is how many of the newest events a filter by type looks at: one
	// that matches nothing must not read the whole log.
	lookBack = 50_000
	// around is how far from an event, in positions to either side, others are
	// looked for that belong to it. What one request does stands close together.
	around = 2_000
	// maxRelated bounds the answer: a batch of a thousand commands is one request.
	maxRelated = 200
)

// latest is the answer of GET /admin/events/latest: the newest first, from no further
// back than After.
type latest struct {
	Items []Event `json:"items"`
	After uint64  `json:"after"`
	Head  uint64  `json:"head"`
}

// related is the answer of GET /admin/events/{position}/related: in the log's order,
// found between From and To, at most so many as Truncated tells.
type related struct {
	Items     []Event `json:"items"`
	From      uint64  `json:"from"`
	To        uint64  `json:"to"`
	Truncated bool    `json:"truncated"`
}

// registerRecent adds the routes that show the end of the log, and what one event
// belongs to.
func registerRecent(e *echo.Echo, log eventlog.Reader) {
	e.GET("/admin/events/latest", func(c echo.Context) error {
		q := web.ReadQuery(c.Request().URL, "type", "stream", "limit")
		want := eventlog.Recent{
			Type: q.Text("type", 100), Stream: events.Stream(q.Text("stream", 100)), Limit: q.Int("limit", 1, maxEvents, 50),
		}
		if err := q.Err(); err != nil {
			return err
		}
		ctx := c.Request().Context()
		head, err := log.Head(ctx)
		if err != nil {
			return err
		}
		if want.Stream == "" {
			want.After = head - min(head, lookBack)
		}
		list, err := log.Latest(ctx, want)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, latest{shown(list), want.After, head})
	})
	e.GET("/admin/events/:position/related", func(c echo.Context) error {
		at, err := strconv.Atoi(c.Param("position"))
		if err != nil || at < 1 || at > math.MaxInt-around {
			return web.NewProblem(web.NotFound, "an event is named by its position")
		}
		ctx, first := c.Request().Context(), uint64(max(at-around, 1))
		list, err := log.Range(ctx, first, uint64(at)-1)
		if err != nil {
			return err
		}
		later, err := log.Read(ctx, uint64(at)-1, around+1)
		if err != nil {
			return err
		}
		list = append(list, later...)
		chain := chainOf(list, uint64(at))
		if len(chain) == 0 {
			return web.NewProblem(web.NotFound, "there is no event at this position")
		}
		answer := related{From: first, To: list[len(list)-1].Position}
		if len(chain) > maxRelated {
			chain, answer.Truncated = nearest(chain, uint64(at)), true
		}
		answer.Items = shown(chain)
		return c.JSON(http.StatusOK, answer)
	})
}

func shown(list []events.Event) []Event {
	items := make([]Event, len(list))
	for i, e := range list {
		items[i] = EventOf(e)
	}
	return items
}
