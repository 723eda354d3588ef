package query

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/projections"
)

// Statistics are the figures of the whole system, as of the answer's position.
type Statistics struct {
	Users       UserFigures       `json:"users"`
	Goals       GoalFigures       `json:"goals"`
	Paths       PathFigures       `json:"paths"`
	Points      int64             `json:"points" doc:"knowledge points"`
	Assessments AssessmentFigures `json:"assessments"`
	Study       StudyFigures      `json:"study"`
	Comments    CommentFigures    `json:"comments"`
}

// UserFigures count accounts.
type UserFigures struct {
	Total     int64 `json:"total" doc:"without the erased ones"`
	Active    int64 `json:"active"`
	Suspended int64 `json:"suspended"`
	Erased    int64 `json:"erased"`
}

// GoalFigures count goals by status.
type GoalFigures struct {
	Total     int64 `json:"total"`
	Draft     int64 `json:"draft"`
	Active    int64 `json:"active"`
	Paused    int64 `json:"paused"`
	Completed int64 `json:"completed"`
	Abandoned int64 `json:"abandoned"`
}

// PathFigures count paths by status.
type PathFigures struct {
	Total     int64 `json:"total"`
	Draft     int64 `json:"draft"`
	Published int64 `json:"published"`
	Archived  int64 `json:"archived"`
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
}

// StudyFigures add up what learners did.
type StudyFigures struct {
	Amount    int64 `json:"amount" doc:"in the units it was recorded in"`
	Times     int64 `json:"times"`
	Started   int64 `json:"points_started" doc:"pairs of a learner and a point"`
	Completed int64 `json:"points_completed" doc:"of those, the learnt ones"`
}

// CommentFigures count comments by status.
type CommentFigures struct {
	Total   int64 `json:"total" doc:"without the deleted ones"`
	Visible int64 `json:"visible"`
	Edited  int64 `json:"edited"`
	Hidden  int64 `json:"hidden"`
	Deleted int64 `json:"deleted"`
}

// Statistics asks for the figures of the whole system.
func (a *Asker) Statistics() Question {
	views := projections.Views()
	return Question{
		Key: key("statistics"), Views: viewNames(views), Deps: viewNames(views),
		Load: func(ctx context.Context) (Answer, error) {
			var f figures
			checkpoints, err := a.read(ctx, views, func(s *snapshot) error {
				f = s.figures()
				return s.finish(ctx)
			})
			if err != nil {
				return Answer{}, err
			}
			return rendered(Answer{Checkpoints: checkpoints}, f.statistics())
		},
	}
}

// figures are sums of each view by name.
type figures map[*projections.View]map[string]int64

// figures queues reading the sums that the statistics are made of.
func (s *snapshot) figures() figures {
	f := figures{}
	f.read(s, projections.User, everyone(events.UserActive, events.UserSuspended, events.UserErased)...)
	f.read(s, projections.Goal, everyone(goalStatuses...)...)
	f.read(s, projections.Path, everyone(events.PathDraft, events.PathPublished, events.PathArchived)...)
	f.read(s, projections.Point, everyone("1", "2", "3", "4", "5", "6", "7", "8", "9", "10")...)
	f.read(s, projections.Progress, append(everyone(projections.Learning, projections.Learnt),
		projections.StudyAmount, projections.StudyTimes)...)
	f.read(s, projections.Comment, everyone(events.CommentVisible, events.CommentEdited, events.CommentHidden, events.CommentDeleted)...)
	assessments := []string{projections.Scored, projections.ScoreSum}
	for _, typ := range assessmentTypes {
		for _, status := range assessmentStatuses {
			assessments = append(assessments, projections.Count(projections.Everyone, string(status), string(typ)))
		}
	}
	f.read(s, projections.Assessment, assessments...)
	return f
}

func everyone[T ~string](statuses ...T) []string {
	names := make([]string, len(statuses))
	for i, status := range statuses {
		names[i] = projections.Count(projections.Everyone, string(status), "")
	}
	return names
}

func (f figures) read(s *snapshot, v *projections.View, names ...string) {
	sums := map[string]int64{}
	f[v] = sums
	s.batch.Queue(`-- totals `+v.Name+`
		select name, value from `+v.TotalTable()+` where name = any($1)`, names).Query(func(rows pgx.Rows) error {
		var name string
		var value int64
		_, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error {
			sums[name] = value
			return nil
		})
		return err
	})
}

// of is the number of rows of a view with a status.
func of[T ~string](f figures, v *projections.View, status T) int64 {
	return f[v][projections.Count(projections.Everyone, string(status), "")]
}

func (f figures) statistics() Statistics {
	s := Statistics{
		Users: UserFigures{
			Active: of(f, projections.User, events.UserActive), Suspended: of(f, projections.User, events.UserSuspended),
			Erased: of(f, projections.User, events.UserErased),
		},
		Goals: GoalFigures{
			Draft: of(f, projections.Goal, events.GoalDraft), Active: of(f, projections.Goal, events.GoalActive),
			Paused: of(f, projections.Goal, events.GoalPaused), Completed: of(f, projections.Goal, events.GoalCompleted),
			Abandoned: of(f, projections.Goal, events.GoalAbandoned),
		},
		Paths: PathFigures{
			Draft: of(f, projections.Path, events.PathDraft), Published: of(f, projections.Path, events.PathPublished),
			Archived: of(f, projections.Path, events.PathArchived),
		},
		Assessments: f.assessments(),
		Study: StudyFigures{
			Amount: f[projections.Progress][projections.StudyAmount], Times: f[projections.Progress][projections.StudyTimes],
			Started:   of(f, projections.Progress, projections.Learning) + of(f, projections.Progress, projections.Learnt),
			Completed: of(f, projections.Progress, projections.Learnt),
		},
		Comments: CommentFigures{
			Visible: of(f, projections.Comment, events.CommentVisible), Edited: of(f, projections.Comment, events.CommentEdited),
			Hidden: of(f, projections.Comment, events.CommentHidden), Deleted: of(f, projections.Comment, events.CommentDeleted),
		},
	}
	s.Users.Total = s.Users.Active + s.Users.Suspended
	s.Goals.Total = s.Goals.Draft + s.Goals.Active + s.Goals.Paused + s.Goals.Completed + s.Goals.Abandoned
	s.Paths.Total = s.Paths.Draft + s.Paths.Published + s.Paths.Archived
	s.Comments.Total = s.Comments.Visible + s.Comments.Edited + s.Comments.Hidden
	for level := 1; level <= 10; level++ {
		s.Points += of(f, projections.Point, strconv.Itoa(level))
	}
	return s
}

func (f figures) assessments() AssessmentFigures {
	var a AssessmentFigures
	byType := map[events.AssessmentType]*int64{
		events.Quiz: &a.Quiz, events.Assignment: &a.Assignment, events.Exam: &a.Exam, events.SelfTest: &a.SelfTest,
	}
	byStatus := map[events.AssessmentStatus]*int64{
		events.AssessmentScheduled: &a.Scheduled, events.AssessmentSubmitted: &a.Submitted,
		events.AssessmentGraded: &a.Graded, events.AssessmentVoid: &a.Void,
	}
	sums := f[projections.Assessment]
	for typ, ofType := range byType {
		for status, ofStatus := range byStatus {
			n := sums[projections.Count(projections.Everyone, string(status), string(typ))]
			a.Total += n
			*ofType += n
			*ofStatus += n
		}
	}
	scored := sums[projections.Scored]
	a.WithoutScore = a.Total - scored
	if scored > 0 {
		mean := events.Hundredths((sums[projections.ScoreSum] + scored/2) / scored)
		a.MeanScore = &mean
	}
	return a
}
