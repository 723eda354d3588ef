package reading

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/projections"
)

// ErrUnready is returned while a view has no tables that can be read.
var ErrUnready = errors.New("reading: the view is not built yet")

// ErrOtherBuild is returned where a view is read from another build than was found a moment ago,
// again and again: behind one address there are servers of which some do not have the newest yet.
var ErrOtherBuild = errors.New("reading: the view has another build")

// serving finds how far each shard is of every build of the views $1 that is read by some
// program: a row a shard, or one with shard -1 where nobody folds the build. Which of the
// builds this program reads is for a served to find out: to have the server look for one
// version of each view, and put its shards in order, took it twice as long. "offset 0" keeps
// the server from a join that reads all of sical.projection, which is written to so often
// that most of it is dead rows: now it does so only while that is cheaper than the index.
const serving = `-- read projection
	` + servingBuilds

const servingBuilds = `select array_position($1, r.view)::text as n, array[r.version, r.serving, coalesce(p.shard, -1), coalesce(p.position, 0)] as stand
	from sical.view_version r left join lateral (
		select shard, position from sical.projection where view = r.view and version = r.version and build = r.serving offset 0
	) p on true
	where r.view = any($1::text[]) and r.serving is not null`

// served gathers what serving finds: of each view the highest version that this program can
// read and that has a build to be read, and how far that is. It is a zero build where there is
// none.
type served struct {
	views       []*projections.View
	checkpoints []projections.Checkpoint
}

func newServed(views []*projections.View) *served {
	s := &served{views, make([]projections.Checkpoint, len(views))}
	for i, v := range views {
		s.checkpoints[i].Build.View = v.Name
	}
	return s
}

// add takes a row of serving.
func (s *served) add(n int, stand []int64) {
	v, c := s.views[n-1], &s.checkpoints[n-1]
	version, build, shard := int(stand[0]), int(stand[1]), int(stand[2])
	if !v.CanRead(version) || version < c.Build.Version {
		return
	}
	if version > c.Build.Version {
		c.Build.Version, c.Build.Number, c.Shards = version, build, nil
	}
	if more := shard + 1 - len(c.Shards); more > 0 {
		c.Shards = append(c.Shards, make([]uint64, more)...)
	}
	if shard >= 0 {
		c.Shards[shard] = uint64(stand[3])
	}
}

// mustBe fails with ErrOtherBuild where one of the builds is not the one that was assumed.
func (s *served) mustBe(assumed map[string]projections.Build) error {
	for _, c := range s.checkpoints {
		if c.Build != assumed[c.Build.View] {
			return ErrOtherBuild
		}
	}
	return nil
}

// scan takes the row of serving that rows is at; others are what stands behind its columns.
func (s *served) scan(rows pgx.Rows, others ...any) error {
	var n string
	var stand []int64
	if err := rows.Scan(append([]any{&n, &stand}, others...)...); err != nil {
		return err
	}
	at, err := strconv.Atoi(n)
	if err == nil {
		s.add(at, stand)
	}
	return err
}

// collect takes all rows of serving.
func (s *served) collect(rows pgx.Rows) error {
	return each(rows, func([][]byte) error { return s.scan(rows) })
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
	rows, err := pool.Query(ctx, serving, projections.Names(views))
	if err != nil {
		return nil, err
	}
	found := newServed(views)
	if err := found.collect(rows); err != nil {
		return nil, err
	}
	builds := make(map[string]projections.Build, len(views))
	for _, f := range found.checkpoints {
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
