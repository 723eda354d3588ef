package query

import (
	"context"
	"maps"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// detail is how much of a goal is shown.
type detail int

const (
	summary detail = iota // the goal and the viewer's progress
	whole                 // with its paths and points
)

// What goals are composed of. In a summary, paths are only read for the viewer's progress.
var (
	goalsOfNobody = [...]*viewList{
		summary: listViews(projections.Goal.View),
		whole:   listViews(projections.Goal.View, projections.Point.View, projections.Path.View),
	}
	goalsOfSomeone = [...]*viewList{
		summary: listViews(projections.Goal.View, projections.Path.View, projections.Progress.View),
		whole:   listViews(projections.Goal.View, projections.Point.View, projections.Path.View, projections.Progress.View),
	}
)

func goalViews(v Viewer, d detail) *viewList {
	if v.anonymous() {
		return goalsOfNobody[d]
	}
	return goalsOfSomeone[d]
}

// goalParts are the rows that some goals are composed of, whoever may see which. They are
// not copied into the goals' rows: an edited path would have to be written to thousands.
type goalParts struct {
	paths  map[events.ID]*projections.PathRow
	points map[events.ID]*GoalPoint
	learnt map[projections.Key]bool // points by learner
}

// goalPoints are the points with only those members that a goal shows.
var goalPoints = projections.ViewOf[GoalPoint]{
	View: projections.Point.View, Column: projections.PointBrief, Decode: projections.Decode[GoalPoint],
}

// goalsFor are goals that are shown to a viewer.
type goalsFor struct {
	to    Viewer
	goals []*projections.GoalRow
}

// pathIDs are the ids of the goals' paths that the answer depends on, also of paths that are
// not there yet.
func (s goalsFor) pathIDs(d detail) []events.ID {
	if d == summary && s.to.anonymous() {
		return nil
	}
	paths := set[events.ID]{}
	for _, g := range s.goals {
		paths.add(g.Paths...)
	}
	return paths.members
}

// deps are the rows behind the goals' paths.
func (s goalsFor) deps(d detail) []string { return rowDeps(projections.Path.View, s.pathIDs(d)) }

// readGoalParts reads what goals are composed of, for everybody they are shown to, and
// finishes the snapshot. Paths seldom change: where all of them were read lately, their points
// are read in the same round trip, and it fails with reading.ErrUnforeseen where a path has
// changed. Else it takes two round trips.
func readGoalParts(ctx context.Context, s *reading.Snapshot, d detail, audience ...goalsFor) (p goalParts, err error) {
	paths := set[events.ID]{}
	for _, a := range audience {
		paths.add(a.pathIDs(d)...)
	}
	if len(paths.members) == 0 {
		return p, s.Finish(ctx)
	}
	read, foreseen := reading.Foresee(s, projections.Path, paths.members...)
	p.paths = foreseen
	if foreseen == nil {
		p.paths = read
		if err := s.Send(ctx); err != nil {
			return p, err
		}
	}
	points, learning := set[events.ID]{}, set[projections.Key]{}
	for _, a := range audience {
		for _, g := range a.goals {
			of := p.pointsOf(a.to, g)
			if d == whole {
				points.add(of...)
			}
			if !a.to.anonymous() {
				learning.add(keysOf(a.to.ID, of)...)
			}
		}
	}
	if len(points.members) > 0 {
		p.points = reading.Find(s, goalPoints, points.members...)
	}
	if len(learning.members) > 0 {
		p.learnt = queueLearnt(s, learning.members)
	}
	if err := s.Finish(ctx); err != nil {
		return p, err
	}
	if foreseen != nil && !maps.Equal(p.paths, read) {
		return p, reading.ErrUnforeseen
	}
	return p, nil
}

// keysOf names what a learner did on each of the points.
func keysOf(learner events.ID, points []events.ID) []projections.Key {
	keys := make([]projections.Key, len(points))
	for i, id := range points {
		keys[i] = projections.Key{A: learner, B: id}
	}
	return keys
}

// queueLearnt queues reading which of the points, by learner, are completed; Send fills
// what it returns.
func queueLearnt(s *reading.Snapshot, keys []projections.Key) map[projections.Key]bool {
	learners, points := make([]events.ID, len(keys)), make([]events.ID, len(keys))
	for i, k := range keys {
		learners[i], points[i] = k.A, k.B
	}
	found := map[projections.Key]bool{}
	s.Queue(`-- learnt progress
		select k.* from unnest($1::uuid[], $2::uuid[]) k (learner, point), lateral (
			select completed_at from `+s.Table(projections.Progress.View)+`
			where learner_id = k.learner and point_id = k.point limit 1 -- or a plan of a small table might read all of it
		) p where p.completed_at is not null`, learners, points).
		Query(func(rows pgx.Rows) error {
			var k projections.Key
			_, err := pgx.ForEachRow(rows, []any{&k.A, &k.B}, func() error {
				found[k] = true
				return nil
			})
			return err
		})
	return found
}

// path is one that the viewer may see, nil for none.
func (p goalParts) path(v Viewer, id events.ID) *projections.PathRow {
	if r := p.paths[id]; r != nil && v.maySeePath(r) {
		return r
	}
	return nil
}

// pointsOf are the points of the goal's paths, as far as the viewer may see them,
// once each.
func (p goalParts) pointsOf(v Viewer, r *projections.GoalRow) []events.ID {
	points := set[events.ID]{}
	for _, id := range r.Paths {
		if path := p.path(v, id); path != nil {
			points.add(path.Points...)
		}
	}
	return points.members
}
