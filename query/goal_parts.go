package query

import (
	"context"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/projections"
)

// detail is how much of a goal is shown.
type detail int

const (
	summary detail = iota // the goal and the viewer's progress
	whole                 // with its paths and points
)

// What goals are composed of: nobody's progress needs no paths.
var (
	goalsOfNobody = [...]reading{
		summary: reads(projections.Goal),
		whole:   reads(projections.Goal, projections.Point, projections.Path),
	}
	goalsOfSomeone = [...]reading{
		summary: reads(projections.Goal, projections.Path, projections.Progress),
		whole:   reads(projections.Goal, projections.Point, projections.Path, projections.Progress),
	}
)

func goalViews(v Viewer, d detail) reading {
	if v.anonymous() {
		return goalsOfNobody[d]
	}
	return goalsOfSomeone[d]
}

// goalParts are the rows that some goals are composed of. Nothing of them is
// copied into the goals' own: one edited path would fan out to thousands.
type goalParts struct {
	pathIDs []events.ID
	paths   map[events.ID]*projections.PathRow // that the viewer may see
	points  map[events.ID]*projections.PointRow
	learnt  map[events.ID]bool // by the viewer
}

// deps are the rows behind the goals' paths, those not there yet included.
func (p goalParts) deps() []string { return rowDeps(projections.Path, p.pathIDs) }

// goalParts reads what the goals are composed of, in two round trips, and
// finishes the snapshot.
func (s *snapshot) goalParts(ctx context.Context, v Viewer, goals []*projections.GoalRow, d detail) (goalParts, error) {
	var p goalParts
	if d == summary && v.anonymous() {
		return p, s.finish(ctx)
	}
	paths := set[events.ID]{}
	for _, g := range goals {
		paths.add(g.Paths)
	}
	p.pathIDs = paths.members
	p.paths = find[projections.PathRow](s, projections.Path, p.pathIDs...)
	if err := s.send(ctx); err != nil {
		return p, err
	}
	points := set[events.ID]{}
	for id, path := range p.paths {
		if v.maySeePath(path) {
			points.add(path.Points)
		} else {
			delete(p.paths, id)
		}
	}
	if d == whole {
		p.points = find[projections.PointRow](s, projections.Point, points.members...)
	}
	if !v.anonymous() {
		p.learnt = s.learnt(v.ID, points.members)
	}
	return p, s.finish(ctx)
}

// learnt queues reading which of the points the learner has completed; send
// fills what it returns.
func (s *snapshot) learnt(learner events.ID, points []events.ID) map[events.ID]bool {
	found := map[events.ID]bool{}
	s.batch.Queue(`-- learnt progress
		select point_id from `+s.table(projections.Progress)+`
		where learner_id = $1 and point_id = any($2) and completed_at is not null`, learner, points).
		Query(func(rows pgx.Rows) error {
			var id events.ID
			_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
				found[id] = true
				return nil
			})
			return err
		})
	return found
}

// progress counts each point of the goal's paths once; nil for nobody.
func (p goalParts) progress(v Viewer, r *projections.GoalRow) *GoalProgress {
	if v.anonymous() {
		return nil
	}
	points := set[events.ID]{}
	for _, id := range r.Paths {
		if path := p.paths[id]; path != nil {
			points.add(path.Points)
		}
	}
	progress := &GoalProgress{Total: len(points.members)}
	for _, id := range points.members {
		if p.learnt[id] {
			progress.Completed++
		}
	}
	if progress.Total > 0 {
		percent := progress.Completed * 100 / progress.Total
		progress.Percent = &percent
	}
	return progress
}

// showGoals renders goals whole; those of forgotten owners are left out.
func (a *Asker) showGoals(ctx context.Context, v Viewer, rows []*projections.GoalRow, p goalParts) ([]Goal, error) {
	goals, err := a.summarise(ctx, v, rows, p)
	if err != nil {
		return nil, err
	}
	attached := make(map[events.ID][]events.ID, len(rows))
	for _, r := range rows {
		attached[r.ID] = r.Paths
	}
	for i := range goals {
		goals[i].Paths = []GoalPath{}
		for _, id := range attached[goals[i].ID] {
			path, ok, err := a.goalPath(ctx, v, p, id)
			if err != nil {
				return nil, err
			}
			if ok {
				goals[i].Paths = append(goals[i].Paths, path)
			}
		}
	}
	return goals, nil
}

func (a *Asker) goalPath(ctx context.Context, v Viewer, p goalParts, id events.ID) (GoalPath, bool, error) {
	r := p.paths[id]
	if r == nil {
		return GoalPath{}, false, nil
	}
	shown, ok, err := a.showPath(ctx, r)
	path := GoalPath{ID: r.ID, Title: shown.Title, Category: r.Category, Status: r.Status}
	for _, id := range r.Points {
		point := p.points[id]
		if point == nil {
			continue
		}
		item := GoalPoint{ID: id, Title: point.Title, Category: point.Category, Difficulty: point.Difficulty, Minutes: point.Minutes}
		if !v.anonymous() {
			learnt := p.learnt[id]
			item.Completed = &learnt
		}
		path.Points = append(path.Points, item)
	}
	return path, ok, err
}

// summarise renders goals for a list; those of forgotten owners are left out.
func (a *Asker) summarise(ctx context.Context, v Viewer, rows []*projections.GoalRow, p goalParts) ([]Goal, error) {
	owners := set[events.ID]{}
	for _, r := range rows {
		owners.add([]events.ID{r.Owner})
	}
	if err := a.opener.Prefetch(ctx, owners.members); err != nil {
		return nil, err
	}
	items := make([]Goal, 0, len(rows))
	for _, r := range rows {
		words, ok, err := a.open(ctx, r.Owner, r.Title, r.Description)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		items = append(items, Goal{
			ID: r.ID, Version: r.Version, Owner: r.Owner, Title: words[0], Description: words[1], Category: r.Category,
			Status: r.Status, TargetDate: r.TargetDate, Visibility: r.Visibility, Progress: p.progress(v, r),
			CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, EndedAt: r.EndedAt,
		})
	}
	return items, nil
}
