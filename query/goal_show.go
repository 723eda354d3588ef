package query

import (
	"context"

	"sical-backend/events"
	"sical-backend/internal/vault"
	"sical-backend/projections"
)

// progress counts each point of the goal's paths once; nil for nobody.
func (p goalParts) progress(v Viewer, r *projections.GoalRow) *GoalProgress {
	if v.anonymous() {
		return nil
	}
	points := p.pointsOf(v, r)
	progress := &GoalProgress{Total: len(points)}
	for _, id := range points {
		if p.learnt[projections.Key{A: v.ID, B: id}] {
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
func (a *Answerer) showGoals(ctx context.Context, of goalsFor, p goalParts) ([]Goal, error) {
	goals, err := a.summarise(ctx, of, p)
	if err != nil {
		return nil, err
	}
	attached := make(map[events.ID][]events.ID, len(of.goals))
	for _, r := range of.goals {
		attached[r.ID] = r.Paths
	}
	for i := range goals {
		goals[i].Paths = []GoalPath{}
		for _, id := range attached[goals[i].ID] {
			path, ok, err := a.goalPath(ctx, of.to, p, id)
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

func (a *Answerer) goalPath(ctx context.Context, v Viewer, p goalParts, id events.ID) (GoalPath, bool, error) {
	r := p.path(v, id)
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
		item := *point
		if !v.anonymous() {
			learnt := p.learnt[projections.Key{A: v.ID, B: id}]
			item.Completed = &learnt
		}
		path.Points = append(path.Points, item)
	}
	return path, ok, err
}

// summarise renders goals for a list; those of forgotten owners are left out.
func (a *Answerer) summarise(ctx context.Context, of goalsFor, p goalParts) ([]Goal, error) {
	owners := set[events.ID]{}
	for _, r := range of.goals {
		owners.add(r.Owner)
	}
	keys, err := a.keyring.Opener(ctx, owners.members...)
	if err != nil {
		return nil, err
	}
	return summaries(keys, of, p)
}

// summaries is summarise with the owners' keys.
func summaries(keys vault.Opener, of goalsFor, p goalParts) ([]Goal, error) {
	items := make([]Goal, 0, len(of.goals))
	for _, r := range of.goals {
		words, ok, err := opened(keys, r.Owner, r.Title, r.Description)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		items = append(items, Goal{
			ID: r.ID, Version: r.Version, Owner: r.Owner, Title: words[0], Description: words[1], Category: r.Category,
			Status: r.Status, TargetDate: r.TargetDate, Visibility: r.Visibility, Progress: p.progress(of.to, r),
			CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, EndedAt: r.EndedAt,
		})
	}
	return items, nil
}
