package api

import (
	"sical-backend/events"
	"sical-backend/query"
)

func me(a *asked) (query.Question, error) {
	a.id = a.viewer.ID
	return user(a)
}

func user(a *asked) (query.Question, error) {
	return a.one(
		func() query.Question { return a.answerer.User(a.viewer, a.id) },
		func(at uint64) query.Question { return a.answerer.UserAsOf(a.viewer, a.id, at) })
}

func users(a *asked) (query.Question, error) {
	ids := a.query.UUIDs("ids")
	return a.answerer.UsersByID(a.viewer, ids), a.query.Err()
}

func goalFilter(a *asked) query.GoalFilter {
	return query.GoalFilter{
		Category: a.query.Text("category", maxText),
		Status:   choice[events.GoalStatus](a, goalStatus),
	}
}

func userGoals(a *asked) (query.Question, error) {
	filter, page := goalFilter(a), a.page()
	if err := a.query.Err(); err != nil {
		return query.Question{}, err
	}
	return a.answerer.GoalsOf(a.viewer, a.id, filter, page)
}

func goal(a *asked) (query.Question, error) {
	return a.one(
		func() query.Question { return a.answerer.Goal(a.viewer, a.id) },
		func(at uint64) query.Question { return a.answerer.GoalAsOf(a.viewer, a.id, at) })
}

func goals(a *asked) (query.Question, error) {
	ids, given, err := a.byID(category, goalStatus, words)
	if err != nil {
		return query.Question{}, err
	}
	filter, page := goalFilter(a), a.page()
	search, err := a.search()
	if err != nil {
		return query.Question{}, err
	}
	switch {
	case given:
		return a.answerer.GoalsByID(a.viewer, ids), nil
	case search != nil:
		return a.answerer.SearchGoals(a.viewer, filter, search, page)
	}
	return a.answerer.PublicGoals(a.viewer, filter, page)
}

func path(a *asked) (query.Question, error) {
	return a.one(
		func() query.Question { return a.answerer.Path(a.viewer, a.id) },
		func(at uint64) query.Question { return a.answerer.PathAsOf(a.viewer, a.id, at) })
}

func paths(a *asked) (query.Question, error) {
	filter, page := query.PathFilter{Category: a.query.Text("category", maxText)}, a.page()
	choice[events.PathStatus](a, pathStatus)
	var err error
	if filter.Search, err = a.search(); err != nil {
		return query.Question{}, err
	}
	return a.answerer.PublishedPaths(filter, page)
}

func point(a *asked) (query.Question, error) {
	return a.one(
		func() query.Question { return a.answerer.Point(a.id) },
		func(at uint64) query.Question { return a.answerer.PointAsOf(a.id, at) })
}

func points(a *asked) (query.Question, error) {
	ids, given, err := a.byID(category, difficulty, words)
	if err != nil {
		return query.Question{}, err
	}
	filter := query.PointFilter{
		Category:   a.query.Text("category", maxText),
		Difficulty: a.query.Int(difficulty.Name, difficulty.Min, difficulty.Max, 0),
	}
	page := a.page()
	if filter.Search, err = a.search(); err != nil {
		return query.Question{}, err
	}
	if given {
		return a.answerer.PointsByID(ids), nil
	}
	return a.answerer.Points(filter, page)
}

func progress(a *asked) (query.Question, error) {
	page := a.page()
	if err := a.query.Err(); err != nil {
		return query.Question{}, err
	}
	return a.answerer.ProgressOf(a.viewer, a.id, page)
}

func assessments(a *asked) (query.Question, error) {
	filter := query.AssessmentFilter{
		Type:   choice[events.AssessmentType](a, assessmentType),
		Status: choice[events.AssessmentStatus](a, assessmentStatus),
		Since:  a.query.Date(since.Name),
	}
	page := a.page()
	if err := a.query.Err(); err != nil {
		return query.Question{}, err
	}
	if page.Total && a.query.Has(since.Name) {
		return query.Question{}, wrong("total", "does not go with since")
	}
	return a.answerer.AssessmentsOf(a.viewer, a.id, filter, page)
}

func assessment(a *asked) (query.Question, error) {
	return a.one(
		func() query.Question { return a.answerer.Assessment(a.viewer, a.id) },
		func(at uint64) query.Question { return a.answerer.AssessmentAsOf(a.viewer, a.id, at) })
}

func comment(a *asked) (query.Question, error) {
	return a.answerer.Comment(a.viewer, a.id), a.query.Err()
}

func comments(a *asked) (query.Question, error) {
	target := events.Target{Type: choice[events.TargetType](a, targetType), ID: a.query.UUID(targetID.Name)}
	page := a.page()
	if err := a.query.Err(); err != nil {
		return query.Question{}, err
	}
	return a.answerer.CommentsOn(a.viewer, target, page)
}

func userComments(a *asked) (query.Question, error) {
	page := a.page()
	if err := a.query.Err(); err != nil {
		return query.Question{}, err
	}
	return a.answerer.CommentsOf(a.viewer, a.id, page)
}

// at is the reference day, today where none is given.
func (a *asked) at() events.Date {
	if !a.query.Has(reference.Name) {
		return a.today()
	}
	return events.DateOf(a.query.Date(reference.Name))
}

func (a *asked) ranking() (query.Ranking, error) {
	r := query.Ranking{
		At: a.at(), Category: a.query.Text("category", maxText),
		Limit: a.query.Int("limit", 1, 200, defaultLimit), Explain: a.query.Bool("explain"),
	}
	return r, a.query.Err()
}

func popularGoals(a *asked) (query.Question, error) {
	r, err := a.ranking()
	return a.answerer.PopularGoals(r), err
}

func trendingPoints(a *asked) (query.Question, error) {
	r, err := a.ranking()
	return a.answerer.TrendingPoints(r), err
}

func statistics(a *asked) (query.Question, error) {
	return a.answerer.Statistics(a.at()), a.query.Err()
}

func webhook(a *asked) (query.Question, error) { return a.answerer.Webhook(a.id), a.query.Err() }

func webhooks(a *asked) (query.Question, error) {
	page := a.page()
	if err := a.query.Err(); err != nil {
		return query.Question{}, err
	}
	return a.answerer.Webhooks(page)
}

func deliveries(a *asked) (query.Question, error) {
	return a.answerer.DeliveriesOf(a.id), a.query.Err()
}
