package query

import (
	"context"
	"time"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// Goal is a learning goal. Alone or asked for by id it comes with its paths and
// their points, in lists without.
type Goal struct {
	ID          events.ID         `json:"id"`
	Version     int               `json:"version" doc:"of the goal, for If-Match"`
	Owner       events.ID         `json:"owner_id"`
	Title       string            `json:"title"`
	Description string            `json:"description,omitempty"`
	Category    string            `json:"category,omitempty"`
	Status      events.GoalStatus `json:"status"`
	TargetDate  *events.Date      `json:"target_date,omitempty"`
	Visibility  events.Visibility `json:"visibility"`
	Progress    *GoalProgress     `json:"progress" doc:"the viewer's own; null for anyone without a token, and on another's profile"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	EndedAt     *time.Time        `json:"ended_at,omitempty" doc:"when it was completed or abandoned"`
	Paths       []GoalPath        `json:"paths,omitzero" doc:"in order, without another's drafts; absent in lists"`
}

// GoalProgress is how many of the points now in a goal's paths are learnt, each
// counted once.
type GoalProgress struct {
	Completed int  `json:"completed"`
	Total     int  `json:"total"`
	Percent   *int `json:"percent" min:"0" max:"100" doc:"whole, rounded down; null where there are no points"`
}

// GoalPath is a path within a goal.
type GoalPath struct {
	ID       events.ID         `json:"id"`
	Title    string            `json:"title"`
	Category string            `json:"category,omitempty"`
	Status   events.PathStatus `json:"status"`
	Points   []GoalPoint       `json:"points"`
}

// GoalPoint is a knowledge point within a goal.
type GoalPoint struct {
	ID         events.ID `json:"id"`
	Title      string    `json:"title"`
	Category   string    `json:"category,omitempty"`
	Difficulty int       `json:"difficulty_level" min:"1" max:"10"`
	Minutes    int       `json:"estimated_minutes,omitzero" doc:"absent where unknown"`
	Completed  *bool     `json:"completed" doc:"by the viewer; null for anyone without a token"`
}

// maySeeGoal: a public one is everyone's to see, a private one its owner's.
func (v Viewer) maySeeGoal(r *projections.GoalRow) bool {
	return r != nil && (r.Visibility == events.Public || v.is(r.Owner))
}

// Goal asks for one goal with its paths and points: a public one, or one's own.
func (a *Answerer) Goal(v Viewer, id events.ID) Question {
	return Question{
		Key: key("goal", raw(id), raw(v.ID)), Views: goalViews(v, whole).names, Deps: func() []string { return goalDeps(v, id) },
		gather: func(ctx context.Context, due reading.Due) (Answer, error) {
			goals, answer, err := a.goalsByID(ctx, v, []events.ID{id}, due)
			if err != nil {
				return Answer{}, err
			}
			if len(goals) == 0 {
				return answer, ErrNotFound
			}
			answer.Version = goals[0].Version
			return rendered(answer, &goals[0])
		},
	}
}

// GoalsByID asks for several, in the order of the ids; what is missing or not
// the viewer's to see is left out.
func (a *Answerer) GoalsByID(v Viewer, ids []events.ID) Question {
	return Question{
		Key: key("goals by id", joined(ids), raw(v.ID)), Views: goalViews(v, whole).names, Deps: func() []string { return goalDeps(v, ids...) },
		gather: func(ctx context.Context, due reading.Due) (Answer, error) {
			goals, answer, err := a.goalsByID(ctx, v, ids, due)
			if err != nil {
				return Answer{}, err
			}
			return rendered(answer, Page[Goal]{Items: goals})
		},
	}
}

func goalDeps(v Viewer, ids ...events.ID) []string {
	return v.progress(append(rowDeps(projections.Goal.View, ids), projections.AllPoints)...)
}

// goalsFound are the rows of some goals, and what they are composed of.
type goalsFound struct {
	rows  map[events.ID]*projections.GoalRow
	parts goalParts
}

// findGoals reads goals for all who wish to see one, in three round trips at most.
func findGoals(ctx context.Context, s *reading.Snapshot, wishes []wish) (f goalsFound, err error) {
	ids := set[events.ID]{}
	for _, w := range wishes {
		ids.add(w.id)
	}
	f.rows = reading.Find(s, projections.Goal, ids.members...)
	if err := s.Send(ctx); err != nil {
		return f, err
	}
	var audience []goalsFor
	for _, w := range wishes {
		audience = append(audience, f.seen(w.viewer, w.id))
	}
	f.parts, err = readGoalParts(ctx, s, whole, audience...)
	return f, err
}

// seen are those of the goals that the viewer may see, in the order of the ids.
func (f goalsFound) seen(v Viewer, ids ...events.ID) goalsFor {
	seen := goalsFor{to: v}
	for _, id := range ids {
		if r := f.rows[id]; v.maySeeGoal(r) {
			seen.goals = append(seen.goals, r)
		}
	}
	return seen
}

// goals reads goals whole, as they are shown to the viewer.
func (a *Answerer) goals(v Viewer) *reading.Batcher[wish, reading.Result[goalsFound]] {
	if v.anonymous() {
		return a.goalsForNobody
	}
	return a.goalsForSomeone
}

func (a *Answerer) goalsByID(ctx context.Context, v Viewer, ids []events.ID, due reading.Due) ([]Goal, Answer, error) {
	t, err := a.goals(v).Ask(ctx, wishes(v, ids), due)
	if err != nil {
		return nil, Answer{}, err
	}
	seen := t.Found.seen(v, ids...)
	goals, err := a.showGoals(ctx, seen, t.Found.parts)
	return goals, Answer{Checkpoints: t.Checkpoints, Deps: seen.deps(whole)}, err
}

// GoalFilter narrows a list of goals; zero values do not.
type GoalFilter struct {
	Category string
	Status   events.GoalStatus
}

// PublicGoals asks for the public goals, newest first. It fails with ErrCursor.
func (a *Answerer) PublicGoals(v Viewer, f GoalFilter, page Paging) (Question, error) {
	l := &list{
		name: key("public goals", f.Category, string(f.Status)), viewer: v.ID.String(), page: page,
		only: "visibility = 'public'",
	}
	l.narrow(f, projections.ScopePublic)
	return a.askGoals(v, l, projections.PublicGoals)
}

// GoalsOf asks for a user's goals, newest first: all to the user, the public
// ones to others; of who is forgotten, as of who never was, none. It fails with ErrCursor.
func (a *Answerer) GoalsOf(v Viewer, owner events.ID, f GoalFilter, page Paging) (Question, error) {
	return a.askGoals(v, goalsOf(v, owner, f, page), projections.GoalsOf(owner))
}

func goalsOf(v Viewer, owner events.ID, f GoalFilter, page Paging) *list {
	visible, scope := events.Public, projections.PublicOf(owner)
	if v.is(owner) {
		visible, scope = "", projections.OfUser(owner)
	}
	l := &list{
		name: key("goals", owner.String(), f.Category, string(f.Status)), viewer: v.ID.String(), page: page,
		owner: owner, where: []match{equals("owner_id", owner.String()), oneOf("visibility", visible)},
	}
	l.narrow(f, scope)
	return l
}

// narrow restricts a list of the goals in scope.
func (l *list) narrow(f GoalFilter, scope string) {
	if f.Category != "" {
		l.where = append(l.where, equals("category", f.Category))
	}
	statuses := oneOf("status", f.Status)
	l.where = append(l.where, statuses)
	for _, status := range statuses.values {
		l.totals = append(l.totals, projections.Count(scope, status, f.Category))
	}
}

// askGoals makes a Question of a list of goals, with the viewer's progress.
func (a *Answerer) askGoals(v Viewer, l *list, group string) (Question, error) {
	q, err := l.question()
	views := goalViews(v, summary)
	q.Views, q.Deps = views.names, func() []string { return v.progress(group) }
	q.load = func(ctx context.Context) (Answer, error) {
		goals := goalsFor{to: v}
		var page *rowPage[projections.GoalRow]
		var parts goalParts
		checkpoints, err := a.reader.Read(ctx, views.views, func(s *reading.Snapshot) (err error) {
			page = enlist(s, projections.Goal, l)
			if err := s.Send(ctx); err != nil {
				return err
			}
			goals.goals = page.rows
			parts, err = readGoalParts(ctx, s, summary, goals)
			return err
		})
		if err != nil {
			return Answer{}, err
		}
		items, err := a.summarise(ctx, goals, parts)
		if err != nil {
			return Answer{}, err
		}
		if l.owner != (events.ID{}) && len(items) == 0 {
			if err := a.withhold(ctx, l.owner, page); err != nil {
				return Answer{}, err
			}
		}
		return rendered(Answer{Checkpoints: checkpoints, Deps: goals.deps(summary)}, Page[Goal]{items, page.next, page.total})
	}
	return q, err
}

// withhold has a page that shows none tell nothing of what a forgotten owner had. Their rows are
// found and not shown; where none are found, as behind the last one, their key tells.
func (a *Answerer) withhold(ctx context.Context, owner events.ID, page *rowPage[projections.GoalRow]) error {
	page.next = ""
	if page.total == nil || *page.total == 0 {
		return nil
	}
	forgotten := len(page.rows) > 0
	if !forgotten {
		keys, err := a.keyring.Opener(ctx, owner)
		if err != nil {
			return err
		}
		forgotten = !keys.Has(owner)
	}
	if forgotten {
		*page.total = 0
	}
	return nil
}
