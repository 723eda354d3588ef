package query

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// A look back answers as of a position, from the log. It shows nobody what they may not see
// now, nor what they might not have seen then. What it shows never changes, but whether it may
// be shown does: so the answer depends on the thing's present row, and a profile's on the
// goals that it shows.

// pastLoad reads what a look back shows, and returns what renders it.
type pastLoad func(context.Context, *past) (show func() (body any, version int, err error), err error)

// lookBack makes a Question about a thing of a view at a position.
func (a *Answerer) lookBack(v Viewer, view *projections.View, id events.ID, at uint64, load pastLoad) Question {
	return a.lookBackOn(v, []*projections.View{view}, id, at, load)
}

// lookBackOn is one about a thing of the first view that depends on more of the others.
func (a *Answerer) lookBackOn(v Viewer, views []*projections.View, id events.ID, at uint64, load pastLoad, more ...string) Question {
	return Question{
		Key:   key("as of", views[0].Name, raw(id), strconv.FormatUint(at, 10), raw(v.ID), string(v.Role)),
		Views: projections.Names(views), Deps: on(append(more, views[0].RowName(projections.KeyOf(id)))...), Past: at,
		load: func(ctx context.Context) (Answer, error) {
			var show func() (any, int, error)
			checkpoints, err := a.reader.Read(ctx, views, func(s *reading.Snapshot) (err error) {
				show, err = load(ctx, pastOf(s, at))
				if err != nil && !conclusive(err) {
					return err
				}
				return cmp.Or(s.Finish(ctx), err) // or it would cost a connection, and anybody may ask for what is not there
			})
			answer := Answer{Checkpoints: checkpoints}
			if err != nil {
				return answer, err
			}
			var body any
			if body, answer.Version, err = show(); err != nil {
				return answer, err
			}
			return rendered(answer, body)
		},
	}
}

// conclusive tells whether a look back failed by what it has read, and not in reading.
func conclusive(err error) bool {
	return slices.ContainsFunc([]error{ErrNotFound, ErrTooManyEvents, ErrFuture, ErrBehind}, func(found error) bool { return errors.Is(err, found) })
}

// PointAsOf asks for a knowledge point at a position.
func (a *Answerer) PointAsOf(id events.ID, at uint64) Question {
	return a.lookBack(Viewer{}, projections.Point.View, id, at, func(ctx context.Context, p *past) (func() (any, int, error), error) {
		own, err := p.history(ctx, at, events.StreamOf(events.KindPoint, id))
		if err != nil {
			return nil, err
		}
		edges, err := p.edges(ctx, id)
		if err != nil {
			return nil, err
		}
		list := append(own, edges...)
		slices.SortFunc(list, func(a, b events.Event) int { return cmp.Compare(a.Position, b.Position) })
		r := fold(projections.Point, list, at)[projections.KeyOf(id)]
		if len(own) == 0 || r == nil {
			return nil, ErrNotFound
		}
		return func() (any, int, error) { return r, r.Version, nil }, nil
	})
}

// PathAsOf asks for a path at a position: one that was published then, or a draft
// of the viewer's own.
func (a *Answerer) PathAsOf(v Viewer, id events.ID, at uint64) Question {
	return a.lookBack(v, projections.Path.View, id, at, func(ctx context.Context, p *past) (func() (any, int, error), error) {
		found, err := lookUp(ctx, p, projections.Path, events.StreamOf(events.KindPath, id))
		r := found[id].then
		if err == nil && (r == nil || !v.maySeePath(r)) {
			err = ErrNotFound // what was published once is public for ever
		}
		return func() (any, int, error) {
			shown, ok, err := a.showPath(ctx, r)
			if err == nil && !ok {
				err = ErrNotFound
			}
			return shown, r.Version, err
		}, err
	})
}

// AssessmentAsOf asks for an assessment at a position.
func (a *Answerer) AssessmentAsOf(v Viewer, id events.ID, at uint64) Question {
	return a.lookBack(v, projections.Assessment.View, id, at, func(ctx context.Context, p *past) (func() (any, int, error), error) {
		found, err := lookUp(ctx, p, projections.Assessment, events.StreamOf(events.KindAssessment, id))
		r := found[id].then
		if err == nil && (r == nil || !v.maySeeAssessment(r.Owner)) {
			err = ErrNotFound
		}
		return func() (any, int, error) { return assessmentOf(r), r.Version, nil }, err
	})
}

// maySeeGoalThen: who might see it then and may now. One that is deleted is still
// its owner's to look back to.
func (v Viewer) maySeeGoalThen(g thenAndNow[projections.GoalRow]) bool {
	return v.maySeeGoal(g.then) && (v.is(g.then.Owner) || v.maySeeGoal(g.now))
}

// GoalAsOf asks for a goal at a position, with the paths and points that it then
// had, as they then were, and the viewer's progress of then.
func (a *Answerer) GoalAsOf(v Viewer, id events.ID, at uint64) Question {
	return a.lookBack(v, projections.Goal.View, id, at, func(ctx context.Context, p *past) (func() (any, int, error), error) {
		found, err := lookUp(ctx, p, projections.Goal, events.StreamOf(events.KindGoal, id))
		if err != nil {
			return nil, err
		}
		if !v.maySeeGoalThen(found[id]) {
			return nil, ErrNotFound
		}
		goal := goalsFor{v, []*projections.GoalRow{found[id].then}}
		parts, err := p.goalParts(ctx, whole, goal)
		return func() (any, int, error) {
			goals, err := a.showGoals(ctx, goal, parts)
			if err == nil && len(goals) == 0 {
				err = ErrNotFound
			}
			if err != nil {
				return nil, 0, err
			}
			return &goals[0], goals[0].Version, nil
		}, err
	})
}

// UserAsOf asks for a profile at a position, with the goals that were active then.
func (a *Answerer) UserAsOf(v Viewer, id events.ID, at uint64) Question {
	v = v.audience(id)
	views := []*projections.View{projections.User.View, projections.Goal.View}
	return a.lookBackOn(v, views, id, at, func(ctx context.Context, p *past) (func() (any, int, error), error) {
		found, err := lookUp(ctx, p, projections.User, events.StreamOf(events.KindUser, id))
		if err != nil {
			return nil, err
		}
		user := found[id]
		if user.then == nil || user.now.Status == events.UserStatusErased {
			return nil, ErrNotFound
		}
		goals, err := p.activeGoals(ctx, v, id)
		if err != nil {
			return nil, err
		}
		then := profile{user.then, goalsFor{v, goals}}
		parts, err := p.goalParts(ctx, summary, then.goals)
		return func() (any, int, error) {
			users, err := a.showUsers(ctx, []profile{then}, parts)
			if err == nil && len(users) == 0 {
				err = ErrNotFound
			}
			if err != nil {
				return nil, 0, err
			}
			return &users[0], users[0].Version, nil
		}, err
	}, projections.GoalsOf(id))
}

// activeGoals are those that a profile showed, newest first.
func (p *past) activeGoals(ctx context.Context, v Viewer, owner events.ID) ([]*projections.GoalRow, error) {
	streams, err := p.goals(ctx, owner)
	if err != nil {
		return nil, err
	}
	found, err := lookUp(ctx, p, projections.Goal, streams...)
	if err != nil {
		return nil, err
	}
	var goals []*projections.GoalRow
	for _, g := range found {
		if v.maySeeGoalThen(g) && g.then.Status == events.GoalStatusActive {
			goals = append(goals, g.then)
		}
	}
	slices.SortFunc(goals, newest)
	return goals[:min(profileGoals, len(goals))], nil
}

// goalParts folds what goals were composed of.
func (p *past) goalParts(ctx context.Context, d detail, of goalsFor) (parts goalParts, err error) {
	list, err := p.history(ctx, p.at, events.StreamsOf(events.KindPath, of.pathIDs(d))...)
	if err != nil {
		return parts, err
	}
	parts.paths = map[events.ID]*projections.PathRow{}
	for k, path := range fold(projections.Path, list, p.at) {
		parts.paths[k.A] = path
	}
	if d == whole {
		points := set[events.ID]{}
		for _, g := range of.goals {
			points.add(parts.pointsOf(of.to, g)...)
		}
		if list, err = p.history(ctx, p.at, events.StreamsOf(events.KindPoint, points.members)...); err != nil {
			return parts, err
		}
		parts.points = map[events.ID]*GoalPoint{}
		for k, r := range fold(projections.Point, list, p.at) {
			parts.points[k.A] = &GoalPoint{ID: k.A, Title: r.Title, Category: r.Category, Difficulty: r.Difficulty, Minutes: r.Minutes}
		}
	}
	if of.to.anonymous() {
		return parts, nil
	}
	if list, err = p.history(ctx, p.at, events.StreamOf(events.KindStudy, of.to.ID)); err != nil {
		return parts, err
	}
	parts.learnt = map[projections.Key]bool{}
	for k, row := range fold(projections.Progress, list, p.at) {
		parts.learnt[k] = row.CompletedAt != nil
	}
	return parts, nil
}
