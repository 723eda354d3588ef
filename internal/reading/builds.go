package reading

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/projections"
)

// ErrUnready is returned while a view has no tables that can be read.
var ErrUnready = errors.New("reading: the view is not built yet")

// errOtherBuild says that a view is read from another build than was assumed.
var errOtherBuild = errors.New("reading: the view has another build")

const undefinedTable = "42P01"

// outdated tells whether a build other than the assumed one may be read.
func outdated(err error) bool {
	var refusal *pgconn.PgError
	return errors.Is(err, errOtherBuild) || errors.As(err, &refusal) && refusal.Code == undefinedTable
}

// serving finds, for each view, the highest version that this program can read
// and that has a build to be read, and how far each shard of that build is.
const serving = `-- read projection
	` + servingBuilds

const servingBuilds = `select v.n::int as n, coalesce(s.version, 0) as version, coalesce(s.serving, 0) as build, coalesce((
		select array_agg(p.position order by p.shard) from sical.projection p
		where p.view = v.view and p.version = s.version and p.build = s.serving), '{}') as shards
	from unnest($1::text[], $2::int[], $3::int[]) with ordinality v (view, lowest, highest, n)
	left join lateral (
		select r.version, r.serving from sical.view_version r
		where r.view = v.view and r.version between v.lowest and v.highest and r.serving is not null
		order by r.version desc limit 1
	) s on true
	order by v.n`

func servingArguments(views []*projections.View) []any {
	lowest, highest := make([]int32, len(views)), make([]int32, len(views))
	for i, v := range views {
		lowest[i], highest[i] = int32(v.Reads), int32(v.Version)
	}
	return []any{projections.Names(views), lowest, highest}
}

// scanServing reads what serving finds of the views.
func scanServing(views []*projections.View) pgx.RowToFunc[projections.Checkpoint] {
	return func(row pgx.CollectableRow) (c projections.Checkpoint, err error) {
		var n int
		err = row.Scan(&n, &c.Build.Version, &c.Build.Number, &c.Shards)
		if err == nil {
			c.Build.View = views[n-1].Name
		}
		return c, err
	}
}

// buildCache remembers which build of each view was read last. It may be outdated: whoever
// reads a build checks in the same snapshot or statement that it is still the one to read.
type buildCache struct {
	mu    sync.RWMutex
	known map[string]projections.Build
}

// builds returns the build of each view as last seen, or as the database says. It
// fails with ErrUnready.
func (c *buildCache) builds(ctx context.Context, pool *pgxpool.Pool, views []*projections.View) (map[string]projections.Build, error) {
	if builds := c.cached(views); builds != nil {
		return builds, nil
	}
	rows, err := pool.Query(ctx, serving, servingArguments(views)...)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, scanServing(views))
	if err != nil {
		return nil, err
	}
	builds := make(map[string]projections.Build, len(views))
	for _, f := range found {
		if f.Build.Number == 0 {
			return nil, fmt.Errorf("%w: %s", ErrUnready, f.Build.View)
		}
		builds[f.Build.View] = f.Build
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]projections.Build{}
	}
	maps.Copy(c.known, builds)
	return builds, nil
}

// cached are the builds of the views, nil where one of them is not known.
func (c *buildCache) cached(views []*projections.View) map[string]projections.Build {
	c.mu.RLock()
	defer c.mu.RUnlock()
	builds := make(map[string]projections.Build, len(views))
	for _, v := range views {
		b, ok := c.known[v.Name]
		if !ok {
			return nil
		}
		builds[v.Name] = b
	}
	return builds
}

func (c *buildCache) forget(views []*projections.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range views {
		delete(c.known, v.Name)
	}
}
