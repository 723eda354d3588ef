package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5"

	"sical-backend/internal/postgres"
	"sical-backend/projections"
)

// Views looks at the read models and steers their projection.
type Views struct {
	List   ViewList  `cmd:"" help:"Every view: how far it is, who folds it, and whether it can."`
	Pause  ViewState `cmd:"" help:"Stop folding a view; reads go on."`
	Resume ViewState `cmd:"" help:"Go on folding a view."`
}

// ViewList prints the registry of views.
type ViewList struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// viewRow is a row of the registry.
type viewRow struct {
	View      string    `json:"view"`
	Version   int       `json:"version"`
	Build     int       `json:"build"`
	Shard     int       `json:"shard"`
	Serving   bool      `json:"serving"`
	Position  int64     `json:"position"`
	Behind    int64     `json:"behind"`
	State     string    `json:"state"`
	Owner     *string   `json:"owner"`
	Epoch     int64     `json:"epoch"`
	Error     *string   `json:"error,omitempty"`
	FailedAt  *int64    `json:"failed_at,omitempty"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Run prints one line a view.
func (l *ViewList) Run(ctx context.Context, c *Config, out *output, logger *slog.Logger) error {
	a := newApp(*c, logger)
	defer a.Close()
	if err := a.joinOrStart(ctx); err != nil {
		return err
	}
	p, err := a.pool(ctx, postgres.RoleProjector, 2, nil)
	if err != nil {
		return err
	}
	rows, err := p.Query(ctx, `-- list projection
		select view, version, build, shard, coalesce(build = serving, false), position, (select coalesce(max(position), 0) from sical.events) - position,
			state, owner, epoch, error, failed_at, updated_at
		from sical.projection join sical.view_version using (view, version) order by view, version, build, shard`)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[viewRow])
	if err != nil {
		return err
	}
	if l.JSON {
		encoder := json.NewEncoder(out)
		for _, v := range list {
			if err := encoder.Encode(v); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VIEW\tVERSION\tBUILD\tSHARD\tPOSITION\tBEHIND\tSTATE\tOWNER\tERROR")
	for _, v := range list {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\n", v.View, v.Version, v.Build, v.Shard, v.Position, v.Behind, v.State, text(v.Owner), text(v.Error))
	}
	return w.Flush()
}

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

// ViewState sets whether a view is folded.
type ViewState struct {
	Name string `arg:"" help:"Name of the view."`
}

// Run writes the state that the subcommand names; the view's owner heeds it
// within a second. Resuming also tries a failed fold again.
func (s *ViewState) Run(ctx context.Context, k *kong.Context, c *Config, out *output, logger *slog.Logger) error {
	v, err := viewNamed(s.Name)
	if err != nil {
		return err
	}
	state := map[string]string{"pause": "paused", "resume": "live"}[k.Selected().Name]
	a := newApp(*c, logger)
	defer a.Close()
	if err := a.joinOrStart(ctx); err != nil {
		return err
	}
	p, err := a.pool(ctx, postgres.RoleProjector, 2, nil)
	if err != nil {
		return err
	}
	_, err = p.Exec(ctx, `-- steer projection
		update sical.projection set state = $3, updated_at = now()
		where view = $1 and version = $2 and state <> 'building'`, v.Name, v.Version, state)
	if err == nil {
		fmt.Fprintf(out, "%s is %s.\n", v.Name, state)
	}
	return err
}

// viewNamed finds a view of this binary.
func viewNamed(name string) (*projections.View, error) {
	all := projections.Views()
	i := slices.IndexFunc(all, func(v *projections.View) bool { return v.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no view %q", name)
	}
	return all[i], nil
}
