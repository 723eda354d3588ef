package query

import (
	"context"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// Statistics are the figures of the whole system, as of the answer's position
// whatever the reference day; what they say of the last days is up to that.
type Statistics struct {
	At          events.Date       `json:"at" doc:"the reference day, in UTC, for what is told of the last days; all else is as of now"`
	Active      Lately            `json:"active_learners" doc:"who studied, completed a point or took an assessment, each once"`
	Users       UserFigures       `json:"users"`
	Goals       GoalFigures       `json:"goals"`
	Paths       PathFigures       `json:"paths"`
	Points      int64             `json:"points" doc:"knowledge points"`
	Assessments AssessmentFigures `json:"assessments"`
	Study       StudyFigures      `json:"study"`
	Comments    CommentFigures    `json:"comments"`
}

// Lately is how many there were in the days up to the reference day, itself
// included.
type Lately struct {
	Day   int64 `json:"days_1"`
	Week  int64 `json:"days_7"`
	Month int64 `json:"days_30"`
}

// UserFigures count accounts.
type UserFigures struct {
	Total     int64 `json:"total" doc:"without the erased ones"`
	Active    int64 `json:"active"`
	Suspended int64 `json:"suspended"`
	Erased    int64 `json:"erased"`

	Rates      UserRates `json:"rates" doc:"per cent of the total; null where there is none"`
	Registered Lately    `json:"registered" doc:"with those erased since, whom the total leaves out"`
}

// UserRates are the parts of the accounts by status.
type UserRates struct {
	Active    *events.Hundredths `json:"active"`
	Suspended *events.Hundredths `json:"suspended"`
}

// GoalFigures count goals by status.
type GoalFigures struct {
	Total     int64 `json:"total"`
	Draft     int64 `json:"draft"`
	Active    int64 `json:"active"`
	Paused    int64 `json:"paused"`
	Completed int64 `json:"completed"`
	Abandoned int64 `json:"abandoned"`

	Rates  GoalRates  `json:"rates" doc:"per cent of the total; null where there is none"`
	Lately GoalLately `json:"lately" doc:"without goals deleted since, and without the end of a goal reopened since"`
}

// GoalRates are the parts of the goals by status.
type GoalRates struct {
	Draft     *events.Hundredths `json:"draft"`
	Active    *events.Hundredths `json:"active"`
	Paused    *events.Hundredths `json:"paused"`
	Completed *events.Hundredths `json:"completed"`
	Abandoned *events.Hundredths `json:"abandoned"`
}

// GoalLately is what became of goals in the last days.
type GoalLately struct {
	Created   Lately `json:"created"`
	Completed Lately `json:"completed"`
	Abandoned Lately `json:"abandoned"`
}

// PathFigures count paths by status.
type PathFigures struct {
	Total     int64 `json:"total"`
	Draft     int64 `json:"draft"`
	Published int64 `json:"published"`
	Archived  int64 `json:"archived"`

	Rates  PathRates  `json:"rates" doc:"per cent of the total; null where there is none"`
	Lately PathLately `json:"lately"`
}

// PathRates are the parts of the paths by status.
type PathRates struct {
	Draft     *events.Hundredths `json:"draft"`
	Published *events.Hundredths `json:"published"`
	Archived  *events.Hundredths `json:"archived"`
}

// PathLately is what became of paths in the last days.
type PathLately struct {
	Created   Lately `json:"created"`
	Published Lately `json:"published" doc:"for the first time"`
}

// AssessmentFigures count assessments by status and by type.
type AssessmentFigures struct {
	Total        int64              `json:"total"`
	Scheduled    int64              `json:"scheduled"`
	Submitted    int64              `json:"submitted"`
	Graded       int64              `json:"graded"`
	Void         int64              `json:"void"`
	Quiz         int64              `json:"quiz"`
	Assignment   int64              `json:"assignment"`
	Exam         int64              `json:"exam"`
	SelfTest     int64              `json:"self"`
	WithoutScore int64              `json:"without_score"`
	MeanScore    *events.Hundredths `json:"mean_score" doc:"per cent of the maximum, over those with a score; null where there is none"`

	Rates  AssessmentRates  `json:"rates" doc:"per cent of the total; null where there is none"`
	Lately AssessmentLately `json:"lately"`
}

// AssessmentRates are the parts of the assessments by status.
type AssessmentRates struct {
	Scheduled *events.Hundredths `json:"scheduled"`
	Submitted *events.Hundredths `json:"submitted"`
	Graded    *events.Hundredths `json:"graded"`
	Void      *events.Hundredths `json:"void"`
}

// AssessmentLately is what became of assessments in the last days.
type AssessmentLately struct {
	Created   Lately `json:"created"`
	Submitted Lately `json:"submitted"`
	Graded    Lately `json:"graded" doc:"by the last grade of each"`
}

// StudyFigures add up what learners did.
type StudyFigures struct {
	Amount    int64 `json:"amount" doc:"in the units it was recorded in"`
	Times     int64 `json:"times"`
	Started   int64 `json:"points_started" doc:"pairs of a learner and a point they studied or were assessed on"`
	Completed int64 `json:"points_completed" doc:"of those, the learnt ones"`

	CompletedRate *events.Hundredths `json:"points_completed_rate" doc:"per cent of those started; null where there is none"`
	Learnt        Lately             `json:"points_completed_lately"`
}

// CommentFigures count comments by status.
type CommentFigures struct {
	Total   int64 `json:"total" doc:"without the deleted ones"`
	Visible int64 `json:"visible"`
	Edited  int64 `json:"edited"`
	Hidden  int64 `json:"hidden"`
	Deleted int64 `json:"deleted"`

	Rates   CommentRates `json:"rates" doc:"per cent of the total; null where there is none"`
	Created Lately       `json:"created" doc:"with those deleted since, which the total leaves out"`
}

// CommentRates are the parts of the comments by status.
type CommentRates struct {
	Visible *events.Hundredths `json:"visible"`
	Edited  *events.Hundredths `json:"edited"`
	Hidden  *events.Hundredths `json:"hidden"`
}

var statisticsViews = []*projections.View{
	projections.User.View, projections.Goal.View, projections.Path.View, projections.Point.View, projections.Progress.View,
	projections.Assessment.View, projections.Comment.View, projections.Activity.View,
}

// Statistics asks for the figures of the whole system at a reference day.
func (a *Answerer) Statistics(at events.Date) Question {
	views := statisticsViews
	return Question{
		Key: key("statistics", at.String()), Views: projections.Names(views), Deps: on(projections.Names(views)...), adds: true,
		load: func(ctx context.Context) (Answer, error) {
			var f *figures
			checkpoints, err := a.reader.Read(ctx, views, func(s *reading.Snapshot) error {
				f = queueFigures(s, at)
				return s.Finish(ctx)
			})
			if err != nil {
				return Answer{}, err
			}
			return rendered(Answer{Checkpoints: checkpoints}, f.statistics())
		},
	}
}
