package query

import (
	"context"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// PopularGoals are the published paths that goals attach, as goals themselves may
// be private: the path taken up most, and most lately, first.
type PopularGoals struct {
	At       events.Date   `json:"at" doc:"the reference day, in UTC"`
	HalfLife int           `json:"half_life_days" doc:"a learner who took a path up that long ago counts for half of one today"`
	Span     int           `json:"span_days" doc:"and after that long no more"`
	Items    []PopularPath `json:"items"`
}

// PopularPath is a path and how many learners took it up.
type PopularPath struct {
	ID          events.ID    `json:"path_id"`
	Title       string       `json:"title"`
	Category    string       `json:"category,omitempty"`
	Learners    int64        `json:"learners" doc:"distinct ones within the span, by goals that attach it still"`
	LearnerDays int64        `json:"learner_days" doc:"pairs of a learner and a day on which they took it up by such a goal"`
	Score       int64        `json:"score" doc:"the weights of those pairs added up, in millionths of a learner today"`
	MadeOf      []LearnersOn `json:"made_of,omitzero" doc:"the latest day first, where explain=true asked for it"`
}

// popularity: interest in a path lasts about as long as a goal takes.
var popularity = decay{halfLife: 14, span: projections.TookSpan}

var popularViews = []*projections.View{projections.Attachment.View, projections.Path.View}

// PopularGoals asks which published paths learners took up lately.
func (a *Answerer) PopularGoals(r Ranking) Question {
	return Question{
		Key: r.key("popular goals"), Views: projections.Names(popularViews), Deps: on(projections.Attachment.Name, projections.PublishedPaths), adds: true,
		load: func(ctx context.Context) (Answer, error) {
			var found *[]rankedRow[projections.PathRow]
			checkpoints, err := a.reader.Read(ctx, popularViews, func(s *reading.Snapshot) error {
				found = rank(s, popularity, projections.Took, projections.Attachment.View, projections.Path, "status = 'published'", r)
				return s.Finish(ctx)
			})
			if err != nil {
				return Answer{}, err
			}
			body := PopularGoals{At: r.At, HalfLife: popularity.halfLife, Span: popularity.span, Items: []PopularPath{}}
			for _, p := range *found {
				body.Items = append(body.Items, PopularPath{
					ID: p.row.ID, Title: p.row.Title, Category: p.row.Category,
					Learners: p.learners, LearnerDays: p.learnerDays, Score: p.score, MadeOf: p.madeOf,
				})
			}
			return rendered(Answer{Checkpoints: checkpoints}, body)
		},
	}
}
