package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/cache"
	"sical-backend/internal/rebuild"
	"sical-backend/projections"
	queryapi "sical-backend/query/api"
)

// check tells whether a part can do its work.
type check struct {
	name string
	ask  func(context.Context) error
}

// notYet is why a part cannot do its work, in words that anyone may read. Other errors
// may name hosts and users: they go to the log alone.
type notYet string

func (r notYet) Error() string { return string(r) }

// status is the answer of the health routes.
type status struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

// The paths of the health routes. Whoever watches a process shares its address with
// others, maybe: these are never refused as too many.
var (
	livePaths  = []string{"/health", "/livez"}
	readyPaths = []string{"/ready", "/readyz"}
)

// health adds the routes that say whether the process lives, and whether it can
// do its work.
func (a *App) health(e *echo.Echo) {
	both := []string{http.MethodGet, http.MethodHead} // load balancers ask with either
	live := func(c echo.Context) error { return c.JSON(http.StatusOK, status{Status: "ok"}) }
	for _, path := range livePaths {
		e.Match(both, path, live)
	}
	for _, path := range readyPaths {
		e.Match(both, path, a.ready)
	}
}

// ready asks what the process cannot do without; until it has said yes once, also what
// a start needs (warm-up, views that are behind). What comes later of that is told by
// alerts: to take every process that lags out of service would serve nobody. NATS is
// never asked: without it everything goes on, somewhat later. Those who ask at the same
// time share an answer: however many do, Postgres is asked once.
func (a *App) ready(c echo.Context) error {
	if a.draining.Load() {
		return c.JSON(http.StatusServiceUnavailable, status{Status: "draining"})
	}
	answer, _, _ := a.asking.Do("", func() (any, error) {
		return a.readiness(context.WithoutCancel(c.Request().Context())), nil
	})
	if answer := answer.(status); answer.Status != "ready" {
		return c.JSON(http.StatusServiceUnavailable, answer)
	}
	return c.JSON(http.StatusOK, answer)
}

// readiness is what ready answers.
func (a *App) readiness(ctx context.Context) status {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	answer := status{"ready", map[string]string{}}
	var reasons []string
	ask := func(list []check) {
		failed := make([]error, len(list))
		var asking sync.WaitGroup
		for i, check := range list { // none has less time for the others
			asking.Go(func() { failed[i] = check.ask(ctx) })
		}
		asking.Wait()
		for i, check := range list {
			answer.Checks[check.name] = "ok"
			if err := failed[i]; err != nil {
				answer.Checks[check.name] = public(err)
				reasons = append(reasons, check.name+": "+err.Error())
			}
		}
	}
	ask(a.checks)
	if !a.started.Load() {
		ask(a.beginnings)
	}
	failures := strings.Join(reasons, "; ")
	if was := a.unready.Swap(&failures); failures != "" && (was == nil || *was != failures) {
		a.logger.Warn("not ready", "why", failures)
	}
	if failures != "" {
		answer.Status = "not ready"
		return answer
	}
	a.started.Store(true)
	return answer
}

// public is what an error may say to anyone.
func public(err error) string {
	if why, ok := errors.AsType[notYet](err); ok {
		return string(why)
	}
	return "unavailable: it does not answer"
}

// startPatience bounds how long views that are behind keep a new process out of
// service: one that is paused would for ever.
const startPatience = 30 * time.Second

// caughtUp asks whether the views have what the log held when it was first asked. One
// that is being built has no answers at all: however long that takes, it is waited for.
func caughtUp(
	head func(context.Context) (uint64, error), applied func() (view string, position uint64),
	building func(ctx context.Context, view string) (percent float64, is bool, err error),
) func(context.Context) error {
	var mu sync.Mutex
	var target uint64
	var since time.Time
	return func(ctx context.Context) (err error) {
		mu.Lock()
		defer mu.Unlock()
		if since.IsZero() {
			if target, err = head(ctx); err != nil {
				return err
			}
			since = time.Now()
		}
		view, position := applied()
		if position >= target {
			return nil
		}
		if position == 0 {
			if percent, is, err := building(ctx, view); is || err != nil {
				return cmp.Or(err, error(notYet(fmt.Sprintf("the view %s is being built, %.0f %% of it are done", view, percent))))
			}
		}
		if time.Since(since) < startPatience {
			return notYet("the view " + view + " is behind what the log held at the start")
		}
		return nil
	}
}

// leastApplied is the view that has come least far, and how far.
func leastApplied(positions *cache.Positions) func() (view string, position uint64) {
	views := projections.Views()
	return func() (least string, position uint64) {
		position = math.MaxUint64
		for _, v := range views {
			if at := positions.Applied(v.Name); at < position {
				least, position = v.Name, at
			}
		}
		return least, position
	}
}

// building tells whether a view is being built, and how much of that is done.
func building(p pool) func(ctx context.Context, view string) (percent float64, is bool, err error) {
	return func(ctx context.Context, name string) (float64, bool, error) {
		v, err := rebuild.Named(projections.Views(), name)
		if err != nil {
			return 0, false, err
		}
		j, err := rebuild.Look(ctx, p, v, rebuild.KindRebuild)
		if err != nil || j == nil || j.Ended() {
			return 0, false, err
		}
		return j.Percent, true, nil
	}
}

// warm has the hot answers in memory, once they can be kept there.
func warm(positions *cache.Positions, api *queryapi.API) func(context.Context) error {
	return func(ctx context.Context) error {
		if !positions.Heard() {
			return notYet("the views have not been heard of yet")
		}
		return api.Warm(ctx)
	}
}
