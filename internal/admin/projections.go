package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"

	"sical-backend/internal/projector"
	"sical-backend/internal/rebuild"
	"sical-backend/internal/web"
	"sical-backend/projections"
)

// Projections is what the routes of projections work on.
type Projections struct {
	Pool     *pgxpool.Pool // of the projector role
	Views    []*projections.View
	Announce func(projections.Build) // tells the readers that another build of a view is read now

	observer *projector.Observer
}

// registry is the answer of GET /admin/projections: how each view stands, the shards
// of every build, and the latest jobs with how far they are.
type registry struct {
	Views []projector.Status `json:"views"`
	Items []projector.Shard  `json:"items"`
	Jobs  []rebuild.Job      `json:"jobs"`
}

// rebuildRequest is the body of POST …/rebuild, which may be absent.
type rebuildRequest struct {
	RequireApproval bool `json:"require_approval"`
	Rate            int  `json:"rate"`
	Shards          int  `json:"shards"`
}

// verifyRequest is the body of POST …/verify, which may be absent.
type verifyRequest struct {
	Sample int `json:"sample"`
}

// retryRequest is the body of POST …/retry, which may be absent.
type retryRequest struct {
	Key string `json:"key"` // empty for all
}

// RegisterProjections adds the routes that show and steer projections. What takes
// long is only asked for: 202, and GET /admin/projections says how far it is. So is a retry
// of a view that is paused, which is done once that is resumed: the answer has its state.
func RegisterProjections(e *echo.Echo, p Projections) {
	p.observer = projector.NewObserver(p.Pool, p.Views)
	e.GET("/admin/projections", p.list)
	e.GET("/admin/projections/:name/parked", p.parked)
	p.route(e, "retry", http.StatusAccepted, func(c echo.Context, v *projections.View) error {
		var asked retryRequest
		if err := body(c, &asked); err != nil {
			return err
		}
		return projector.Retry(c.Request().Context(), p.Pool, v, asked.Key)
	})
	p.route(e, "rebuild", http.StatusAccepted, func(c echo.Context, v *projections.View) error {
		var asked rebuildRequest
		if err := body(c, &asked); err != nil {
			return err
		}
		return rebuild.Start(c.Request().Context(), p.Pool, v,
			rebuild.Request{RequireApproval: asked.RequireApproval, Rate: asked.Rate, Shards: asked.Shards})
	})
	p.route(e, "verify", http.StatusAccepted, func(c echo.Context, v *projections.View) error {
		var asked verifyRequest
		if err := body(c, &asked); err != nil {
			return err
		}
		return rebuild.StartVerify(c.Request().Context(), p.Pool, v, asked.Sample)
	})
	p.route(e, "cancel", http.StatusAccepted, p.plain(func(ctx context.Context, pool *pgxpool.Pool, v *projections.View) error {
		_, err := rebuild.Cancel(ctx, pool, v)
		return err
	}))
	p.route(e, "approve", http.StatusAccepted, p.plain(rebuild.Approve))
	p.route(e, "pause", http.StatusOK, p.plain(rebuild.Pause))
	p.route(e, "resume", http.StatusOK, p.plain(rebuild.Resume))
	p.route(e, "rollback", http.StatusOK, func(c echo.Context, v *projections.View) error {
		return rebuild.Rollback(c.Request().Context(), p.Pool, v, p.Announce)
	})
}

// plain is an action that needs no more than the view.
func (p Projections) plain(act func(context.Context, *pgxpool.Pool, *projections.View) error) func(echo.Context, *projections.View) error {
	return func(c echo.Context, v *projections.View) error { return act(c.Request().Context(), p.Pool, v) }
}

// route adds an action on one view; the registry is its answer.
func (p Projections) route(e *echo.Echo, action string, status int, act func(echo.Context, *projections.View) error) {
	e.POST("/admin/projections/:name/"+action, func(c echo.Context) error {
		v, err := rebuild.Named(p.Views, c.Param("name"))
		if err == nil {
			err = act(c, v)
		}
		if err != nil {
			return problem(err)
		}
		return p.answer(c, status)
	})
}

func (p Projections) list(c echo.Context) error { return p.answer(c, http.StatusOK) }

// parked lists what a view holds back.
func (p Projections) parked(c echo.Context) error {
	v, err := rebuild.Named(p.Views, c.Param("name"))
	if err != nil {
		return problem(err)
	}
	list, err := projector.Parked(c.Request().Context(), p.Pool, v.Name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"items": list})
}

func (p Projections) answer(c echo.Context, status int) error {
	var r registry
	var err error
	if r.Views, r.Items, err = p.observer.Look(c.Request().Context()); err != nil {
		return err
	}
	if r.Jobs, err = rebuild.Jobs(c.Request().Context(), p.Pool); err != nil {
		return err
	}
	return c.JSON(status, r)
}

// body reads a JSON body that may be absent.
func body(c echo.Context, into any) error {
	if c.Request().ContentLength == 0 {
		return nil
	}
	return web.DecodeStrict(c.Request(), 1<<10, into)
}

// problem tells what an operator got wrong from what failed.
func problem(err error) error {
	var unknown rebuild.UnknownViewError
	var bounds rebuild.BoundsError
	switch {
	case errors.As(err, &unknown):
		return web.NewProblem(web.NotFound, err.Error())
	case errors.Is(err, projector.ErrNotParked):
		return web.NewProblem(web.NotFound, err.Error())
	case errors.As(err, &bounds):
		return web.NewProblem(web.RuleViolated, err.Error(),
			web.FieldError{Pointer: "/" + bounds.Figure, Code: "out_of_range", Detail: err.Error()})
	}
	for _, conflict := range []error{
		rebuild.ErrRunning, rebuild.ErrVerifying, rebuild.ErrNotRunning, rebuild.ErrNotHeld, rebuild.ErrNoPrevious, rebuild.ErrBehind,
		rebuild.ErrUnready,
	} {
		if errors.Is(err, conflict) {
			return web.NewProblem(web.Conflict, err.Error())
		}
	}
	return err
}
