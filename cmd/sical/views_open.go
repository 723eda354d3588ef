package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"sical-backend/internal/postgres"
	"sical-backend/internal/rebuild"
	"sical-backend/projections"
)

// onViews runs f on the read models of the running instance, or of one that it starts on
// the data folder for as long as it takes.
func onViews(ctx context.Context, a *App, f func(pool) error) error {
	if err := a.joinOrRevive(ctx); err != nil {
		return err
	}
	p, err := a.pool(ctx, postgres.RoleProjector, 2, nil)
	if err != nil {
		return err
	}
	return f(p)
}

// onView runs f on one view; with folds, an instance of its own folds and rebuilds.
func onView(ctx context.Context, a *App, name viewName, folds bool, f func(pool, *projections.View) error) error {
	v, err := name.view()
	if err != nil {
		return err
	}
	return onViews(ctx, a, func(p pool) error {
		if a.instance != nil && folds {
			if err := a.startProjector(ctx); err != nil {
				return err
			}
		}
		return f(p, v)
	})
}

// viewName is the name of a view of this binary.
type viewName string

// Validate refuses a name that no view has.
func (n viewName) Validate() error {
	_, err := n.view()
	return err
}

func (n viewName) view() (*projections.View, error) {
	return rebuild.Named(projections.Views(), string(n))
}

// say prints a sentence, or for programs an object instead.
func say(out io.Writer, lines bool, object any, sentence string, args ...any) error {
	if lines {
		return json.NewEncoder(out).Encode(object)
	}
	_, err := fmt.Fprintf(out, sentence+"\n", args...)
	return err
}

// encodeLines prints a list as one JSON object a line.
func encodeLines[T any](out io.Writer, list []T) error {
	encoder := json.NewEncoder(out)
	for _, item := range list {
		if err := encoder.Encode(item); err != nil {
			return err
		}
	}
	return nil
}
