package query

import (
	"strconv"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// figures are what the statistics are made of.
type figures struct {
	at   events.Date
	sums map[*projections.View]map[string]int64
	seen Lately // active learners
}

// queueFigures queues reading the sums that the statistics are made of.
func queueFigures(s *reading.Snapshot, at events.Date) *figures {
	f := &figures{at: at, sums: map[*projections.View]map[string]int64{}}
	for _, v := range statisticsViews {
		f.sums[v] = map[string]int64{}
	}
	f.read(s, projections.User.View, everyone(append(events.Values[events.UserStatus](), events.UserStatusErased)...)...)
	f.read(s, projections.Goal.View, everyone(events.Values[events.GoalStatus]()...)...)
	f.read(s, projections.Path.View, everyone(events.Values[events.PathStatus]()...)...)
	f.read(s, projections.Point.View, everyone("1", "2", "3", "4", "5", "6", "7", "8", "9", "10")...)
	f.read(s, projections.Progress.View, append(everyone(projections.Learning, projections.Learnt),
		projections.StudyAmount, projections.StudyTimes)...)
	f.read(s, projections.Comment.View, everyone(events.Values[events.CommentStatus]()...)...)
	assessments := []string{projections.Scored, projections.ScoreSum}
	for _, typ := range events.Values[events.AssessmentType]() {
		for _, status := range events.Values[events.AssessmentStatus]() {
			assessments = append(assessments, projections.Count(projections.Everyone, string(status), string(typ)))
		}
	}
	f.read(s, projections.Assessment.View, assessments...)
	f.days(s, projections.User.View, projections.Created)
	f.days(s, projections.Goal.View, projections.Created, string(events.GoalStatusCompleted), string(events.GoalStatusAbandoned))
	f.days(s, projections.Path.View, projections.Created, string(events.PathStatusPublished))
	f.days(s, projections.Progress.View, projections.Learnt)
	f.days(s, projections.Comment.View, projections.Created)
	f.days(s, projections.Assessment.View, projections.Created, string(events.AssessmentStatusSubmitted), string(events.AssessmentStatusGraded))
	f.active(s)
	return f
}

func everyone[T ~string](statuses ...T) []string {
	names := make([]string, len(statuses))
	for i, status := range statuses {
		names[i] = projections.Count(projections.Everyone, string(status), "")
	}
	return names
}

// month is the longest stretch of days that the statistics tell of.
const month = projections.ActiveSpan

// read queues reading sums by their names.
func (f *figures) read(s *reading.Snapshot, v *projections.View, names ...string) {
	s.Queue(`-- totals `+v.Name+`
		select name, value from `+s.Totals(v)+` where name = any($1)`, names).Query(f.take(v))
}

// days queues reading the daily sums of some kinds over the last month.
func (f *figures) days(s *reading.Snapshot, v *projections.View, kinds ...string) {
	for _, kind := range kinds {
		s.Queue(`-- totals `+v.Name+`
			select name, value from `+s.Totals(v)+` where name >= $1 and name < $2`,
			projections.Daily(kind, f.at-month+1), projections.Daily(kind, f.at+1)).Query(f.take(v))
	}
}

func (f *figures) take(v *projections.View) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var name string
		var value int64
		_, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error {
			f.sums[v][name] += value
			return nil
		})
		return err
	}
}

// active queues counting learners by the last day that each was active on.
func (f *figures) active(s *reading.Snapshot) {
	s.Queue(`-- active activity
		select age, sum(value)::bigint from (
			select $3 - (split_part(name, E'\x1f', 2)::date - date '1970-01-01') as age, split_part(name, E'\x1f', 3)::int as gap, value
			from `+s.Totals(projections.Activity.View)+` where name >= $1 and name < $2
		) seen where gap > age group by age`,
		projections.Daily(projections.Active, f.at-month+1), projections.Daily(projections.Active, f.at+1), int32(f.at)).
		Query(func(rows pgx.Rows) error {
			var age int32
			var learners int64
			_, err := pgx.ForEachRow(rows, []any{&age, &learners}, func() error {
				f.seen.add(age, learners)
				return nil
			})
			return err
		})
}

// add counts n of so many days ago.
func (l *Lately) add(age int32, n int64) {
	if age < 1 {
		l.Day += n
	}
	if age < 7 {
		l.Week += n
	}
	l.Month += n
}

// lately adds up the daily sums of a kind.
func (f *figures) lately(v *projections.View, kind string) (l Lately) {
	for age := range int32(month) {
		l.add(age, f.sums[v][projections.Daily(kind, f.at-events.Date(age))])
	}
	return l
}

// of is the number of rows of a view with a status.
func of[T ~string](f *figures, v *projections.View, status T) int64 {
	return f.sums[v][projections.Count(projections.Everyone, string(status), "")]
}

// rate is a part of the whole in per cent; nil where there is no whole.
func rate(part, whole int64) *events.Hundredths {
	if whole == 0 {
		return nil
	}
	return new(events.Hundredths((part*100_00 + whole/2) / whole))
}

func (f *figures) statistics() Statistics {
	s := Statistics{
		At: f.at, Active: f.seen,
		Users: f.users(), Goals: f.goals(), Paths: f.paths(), Assessments: f.assessments(), Study: f.study(), Comments: f.comments(),
	}
	for level := 1; level <= 10; level++ {
		s.Points += of(f, projections.Point.View, strconv.Itoa(level))
	}
	return s
}

func (f *figures) users() UserFigures {
	v := projections.User.View
	u := UserFigures{
		Active: of(f, v, events.UserStatusActive), Suspended: of(f, v, events.UserStatusSuspended),
		Erased: of(f, v, events.UserStatusErased), Registered: f.lately(v, projections.Created),
	}
	u.Total = u.Active + u.Suspended
	u.Rates = UserRates{rate(u.Active, u.Total), rate(u.Suspended, u.Total)}
	return u
}

func (f *figures) goals() GoalFigures {
	v := projections.Goal.View
	g := GoalFigures{
		Draft: of(f, v, events.GoalStatusDraft), Active: of(f, v, events.GoalStatusActive),
		Paused: of(f, v, events.GoalStatusPaused), Completed: of(f, v, events.GoalStatusCompleted),
		Abandoned: of(f, v, events.GoalStatusAbandoned),
		Lately: GoalLately{
			f.lately(v, projections.Created), f.lately(v, string(events.GoalStatusCompleted)),
			f.lately(v, string(events.GoalStatusAbandoned)),
		},
	}
	g.Total = g.Draft + g.Active + g.Paused + g.Completed + g.Abandoned
	g.Rates = GoalRates{
		rate(g.Draft, g.Total), rate(g.Active, g.Total), rate(g.Paused, g.Total), rate(g.Completed, g.Total), rate(g.Abandoned, g.Total),
	}
	return g
}

func (f *figures) paths() PathFigures {
	v := projections.Path.View
	p := PathFigures{
		Draft: of(f, v, events.PathStatusDraft), Published: of(f, v, events.PathStatusPublished),
		Archived: of(f, v, events.PathStatusArchived),
		Lately: PathLately{
			f.lately(v, projections.Created), f.lately(v, string(events.PathStatusPublished)),
		},
	}
	p.Total = p.Draft + p.Published + p.Archived
	p.Rates = PathRates{rate(p.Draft, p.Total), rate(p.Published, p.Total), rate(p.Archived, p.Total)}
	return p
}

func (f *figures) study() StudyFigures {
	v := projections.Progress.View
	s := StudyFigures{
		Amount: f.sums[v][projections.StudyAmount], Times: f.sums[v][projections.StudyTimes],
		Completed: of(f, v, projections.Learnt), Learnt: f.lately(v, projections.Learnt),
	}
	s.Started = s.Completed + of(f, v, projections.Learning)
	s.CompletedRate = rate(s.Completed, s.Started)
	return s
}

func (f *figures) comments() CommentFigures {
	v := projections.Comment.View
	c := CommentFigures{
		Visible: of(f, v, events.CommentStatusVisible), Edited: of(f, v, events.CommentStatusEdited),
		Hidden: of(f, v, events.CommentStatusHidden), Deleted: of(f, v, events.CommentStatusDeleted),
		Created: f.lately(v, projections.Created),
	}
	c.Total = c.Visible + c.Edited + c.Hidden
	c.Rates = CommentRates{rate(c.Visible, c.Total), rate(c.Edited, c.Total), rate(c.Hidden, c.Total)}
	return c
}

func (f *figures) assessments() AssessmentFigures {
	var a AssessmentFigures
	byType := map[events.AssessmentType]*int64{
		events.Quiz: &a.Quiz, events.Assignment: &a.Assignment, events.Exam: &a.Exam, events.SelfTest: &a.SelfTest,
	}
	byStatus := map[events.AssessmentStatus]*int64{
		events.AssessmentStatusScheduled: &a.Scheduled, events.AssessmentStatusSubmitted: &a.Submitted,
		events.AssessmentStatusGraded: &a.Graded, events.AssessmentStatusVoid: &a.Void,
	}
	v := projections.Assessment.View
	sums := f.sums[v]
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
		a.MeanScore = new(events.Hundredths((sums[projections.ScoreSum] + scored/2) / scored))
	}
	a.Rates = AssessmentRates{rate(a.Scheduled, a.Total), rate(a.Submitted, a.Total), rate(a.Graded, a.Total), rate(a.Void, a.Total)}
	a.Lately = AssessmentLately{
		f.lately(v, projections.Created), f.lately(v, string(events.AssessmentStatusSubmitted)),
		f.lately(v, string(events.AssessmentStatusGraded)),
	}
	return a
}
