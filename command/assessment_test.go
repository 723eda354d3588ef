package command

import (
	"testing"

	"sical-backend/events"
)

var (
	assessmentStream = events.StreamOf(events.KindAssessment, idOf("exam"))
	exam             = &events.AssessmentScheduled{Type: events.Exam, MaxScore: 100_00}
	selfTest         = &events.AssessmentScheduled{Type: events.SelfTest, MaxScore: 20_00}
)

// annas is an assessment of anna's and what came of it.
func annas(first events.Data, more ...events.Data) history {
	return on(assessmentStream, anna, append([]events.Data{first}, more...)...)
}

func TestScheduleAssessment(t *testing.T) {
	t.Parallel()
	g := given{by: anna}
	day, goal := events.Date(20_000), idOf("goal")
	own := Reference{Stream: events.StreamOf(events.KindUser, anna.id), Pointer: "/user_id"}

	o := g.when(t, &ScheduleAssessment{Type: events.Exam}, exam)
	same(t, o.Owner, anna.id)
	same(t, o.Requires, []Reference{own})
	o = g.when(t, &ScheduleAssessment{
		Type: events.Quiz, Goal: &goal, Points: ids("heap"), MaxScore: new(events.Hundredths(20_50)), Weight: new(events.Hundredths(12_50)), DueDate: &day,
	}, &events.AssessmentScheduled{Type: events.Quiz, Goal: &goal, Points: ids("heap"), MaxScore: 20_50, Weight: 12_50, DueDate: &day})
	same(t, o.Requires, append(livePoints("/points", "heap"), own,
		Reference{Stream: goalStream, Owner: anna.id, Pointer: "/goal_id"}))

	g.refuses(t, &ScheduleAssessment{}, "missing", "/assessment_type")
	g.refuses(t, &ScheduleAssessment{Type: "oral"}, "unknown_value", "/assessment_type")
	g.refuses(t, &ScheduleAssessment{Type: events.Exam, MaxScore: new(events.Hundredths(0))}, "out_of_range", "/max_score")
	g.refuses(t, &ScheduleAssessment{Type: events.Exam, MaxScore: new(events.Hundredths(10_000_01))}, "out_of_range", "/max_score")
	g.refuses(t, &ScheduleAssessment{Type: events.Exam, Weight: new(events.Hundredths(-1))}, "out_of_range", "/weight")
	g.refuses(t, &ScheduleAssessment{Type: events.Exam, Weight: new(events.Hundredths(100_01))}, "out_of_range", "/weight")
	g.refuses(t, &ScheduleAssessment{Type: events.Exam, Points: ids("heap", "heap")}, "repeated", "/points/1")
	g.refuses(t, &ScheduleAssessment{Type: events.Exam, DueDate: new(events.DateOf(earliest) - 1)}, "out_of_range", "/due_date")
}

func TestScheduleForOthers(t *testing.T) {
	t.Parallel()
	goal := idOf("goal")
	for _, teacher := range []person{cleo, mo, ada} {
		o := given{by: teacher}.when(t, &ScheduleAssessment{User: anna.id, Type: events.Exam, Goal: &goal},
			&events.AssessmentScheduled{Type: events.Exam, Goal: &goal, MaxScore: 100_00})
		same(t, o.Owner, anna.id)
		same(t, o.Requires, []Reference{
			{Stream: events.StreamOf(events.KindUser, anna.id), Pointer: "/user_id"},
			{Stream: goalStream, Owner: anna.id, Pointer: "/goal_id"},
		})
	}
	given{by: bo}.refuses(t, &ScheduleAssessment{User: anna.id, Type: events.Exam}, "forbidden")
	given{by: anna}.when(t, &ScheduleAssessment{User: anna.id, Type: events.Exam}, exam)
}

func TestSubmitAssessment(t *testing.T) {
	t.Parallel()
	submit := &SubmitAssessment{of("exam")}
	for _, p := range []person{anna, cleo, mo, ada} {
		o := given{p, annas(exam)}.when(t, submit, &events.AssessmentSubmitted{From: events.AssessmentStatusScheduled})
		same(t, o.Owner, anna.id)
	}
	given{anna, annas(exam, &events.AssessmentSubmitted{})}.when(t, submit)
	given{anna, annas(exam, &events.AssessmentGraded{})}.refuses(t, submit, "assessment_graded")
	given{anna, annas(exam, &events.AssessmentVoided{})}.refuses(t, submit, "assessment_void")
	given{bo, annas(exam)}.refuses(t, submit, "not_found")
	given{ada, nil}.refuses(t, submit, "not_found")
}

func TestGradeAssessment(t *testing.T) {
	t.Parallel()
	grade := func(score events.Hundredths) Command { return &GradeAssessment{of("exam"), &score} }
	scheduled := given{cleo, annas(exam)}
	submitted := given{cleo, annas(exam, &events.AssessmentSubmitted{})}
	graded := given{cleo, annas(exam, &events.AssessmentGraded{Score: 72_50})}

	o := submitted.when(t, grade(72_50), &events.AssessmentGraded{From: events.AssessmentStatusSubmitted, Score: 72_50})
	same(t, o.Owner, anna.id)
	scheduled.when(t, grade(0), &events.AssessmentGraded{From: events.AssessmentStatusScheduled})
	submitted.when(t, grade(100_00), &events.AssessmentGraded{From: events.AssessmentStatusSubmitted, Score: 100_00})
	graded.when(t, grade(80_00), &events.AssessmentGraded{
		From: events.AssessmentStatusGraded, Score: 80_00, Previous: new(events.Hundredths(72_50)),
	})
	graded.when(t, grade(72_50))
	submitted.refuses(t, grade(100_01), "out_of_range", "/score")
	submitted.refuses(t, grade(-1), "out_of_range", "/score")
	submitted.refuses(t, &GradeAssessment{Of: of("exam")}, "missing", "/score")
	given{cleo, annas(exam, &events.AssessmentVoided{})}.refuses(t, grade(1), "assessment_void")
	given{cleo, annas(selfTest)}.refuses(t, grade(20_01), "out_of_range", "/score")
}

func TestNobodyGradesThemself(t *testing.T) {
	t.Parallel()
	grade := &GradeAssessment{of("exam"), new(events.Hundredths(10_00))}
	void := &VoidAssessment{of("exam")}
	wasGraded := &events.AssessmentGraded{From: events.AssessmentStatusScheduled, Score: 10_00}
	wasVoided := &events.AssessmentVoided{From: events.AssessmentStatusScheduled}
	for _, role := range []events.Role{events.Learner, events.Curator, events.Moderator} {
		self := person{anna.id, role}
		given{self, annas(exam)}.refuses(t, grade, "forbidden")
		given{self, annas(exam)}.refuses(t, void, "forbidden")
		given{self, annas(selfTest)}.when(t, grade, wasGraded)
		given{self, annas(selfTest)}.when(t, void, wasVoided)
	}
	admin := given{person{anna.id, events.Admin}, annas(exam)}
	admin.when(t, grade, wasGraded)
	admin.when(t, void, wasVoided)
	for _, first := range []events.Data{exam, selfTest} {
		given{bo, annas(first)}.refuses(t, grade, "not_found")
		given{bo, annas(first)}.refuses(t, void, "not_found")
		given{cleo, annas(first)}.when(t, grade, wasGraded)
	}
}

func TestVoidAssessment(t *testing.T) {
	t.Parallel()
	void := &VoidAssessment{of("exam")}
	given{cleo, annas(exam)}.when(t, void, &events.AssessmentVoided{From: events.AssessmentStatusScheduled})
	given{cleo, annas(exam, &events.AssessmentGraded{Score: 50_00})}.when(t, void,
		&events.AssessmentVoided{From: events.AssessmentStatusGraded, Score: new(events.Hundredths(50_00))})
	given{cleo, annas(exam, &events.AssessmentVoided{})}.when(t, void)
}

// TestTakenAssessmentNamesItsPoints: the first event that says it was taken does,
// and no later one again.
func TestTakenAssessmentNamesItsPoints(t *testing.T) {
	t.Parallel()
	covering := &events.AssessmentScheduled{Type: events.Exam, MaxScore: 100_00, Points: ids("heap", "tree")}
	submitted := &events.AssessmentSubmitted{From: events.AssessmentStatusScheduled, Points: ids("heap", "tree")}
	grade := &GradeAssessment{of("exam"), new(events.Hundredths(50_00))}
	given{anna, annas(covering)}.when(t, &SubmitAssessment{of("exam")}, submitted)
	given{cleo, annas(covering)}.when(t, grade, &events.AssessmentGraded{
		From: events.AssessmentStatusScheduled, Score: 50_00, Points: ids("heap", "tree"),
	})
	given{cleo, annas(covering, submitted)}.when(t, grade, &events.AssessmentGraded{From: events.AssessmentStatusSubmitted, Score: 50_00})
}
