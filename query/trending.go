package query

import (
	"context"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// TrendingPoints are the knowledge points that most learners are busy with,
// studying them or taking assessments that cover them, the latest days weighing
// most.
type TrendingPoints struct {
	At       events.Date     `json:"at" doc:"the reference day, in UTC"`
	HalfLife int             `json:"half_life_days" doc:"a learner who was busy with a point that long ago counts for half of one today"`
	Span     int             `json:"span_days" doc:"and after that long no more"`
	Items    []TrendingPoint `json:"items"`
}

// TrendingPoint is a point and how much learners were busy with it.
type TrendingPoint struct {
	ID          events.ID    `json:"point_id"`
	Title       string       `json:"title"`
	Category    string       `json:"category,omitempty"`
	Difficulty  int          `json:"difficulty_level" min:"1" max:"10"`
	Learners    int64        `json:"learners" doc:"distinct ones within the span"`
	LearnerDays int64        `json:"learner_days" doc:"pairs of a learner and a day on which they were busy with it"`
	Score       int64        `json:"score" doc:"the weights of those pairs added up, in millionths of a learner today"`
	MadeOf      []LearnersOn `json:"made_of,omitzero" doc:"the latest day first, where explain=true asked for it"`
}

// trend: what is studied changes by the week.
var trend = decay{halfLife: 7, span: projections.BusySpan}

var trendingViews = []*projections.View{projections.Progress.View, projections.Point.View}

// TrendingPoints asks which knowledge points learners are busy with lately.
func (a *Answerer) TrendingPoints(r Ranking) Question {
	return Question{
		Key: r.key("trending points"), Views: projections.Names(trendingViews), Deps: on(projections.Progress.Name, projections.AllPoints), adds: true,
		load: func(ctx context.Context) (Answer, error) {
			var found *[]rankedRow[projections.PointRow]
			checkpoints, err := a.reader.Read(ctx, trendingViews, func(s *reading.Snapshot) error {
				found = rank(s, trend, projections.Busy, projections.Progress.View, projections.Point, "", r)
				return s.Finish(ctx)
			})
			if err != nil {
				return Answer{}, err
			}
			body := TrendingPoints{At: r.At, HalfLife: trend.halfLife, Span: trend.span, Items: []TrendingPoint{}}
			for _, p := range *found {
				body.Items = append(body.Items, TrendingPoint{
					ID: p.row.ID, Title: p.row.Title, Category: p.row.Category, Difficulty: p.row.Difficulty,
					Learners: p.learners, LearnerDays: p.learnerDays, Score: p.score, MadeOf: p.madeOf,
				})
			}
			return rendered(Answer{Checkpoints: checkpoints}, body)
		},
	}
}
