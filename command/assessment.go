package command

import "sical-backend/events"

// The rules of an assessment:
//  1. A learner schedules their own, a curator anyone's. Its owner is there, its
//     points exist, and its goal is its owner's; the goal's status is no matter.
//  2. It is its owner's and the curators' to see; to others it does not exist.
//  3. Its owner, or a curator on their behalf, submits it, once.
//  4. A curator grades and strikes others'. Nobody grades or strikes their own,
//     but for a self test, and an admin, who answers for everything.
//  5. It may be graded without having been submitted, as a paper exam is, and
//     graded again to correct the score.
//  6. A score is from 0 to the maximum.
//  7. A void assessment stays as it is.

const (
	whole        = 100 // hundredths in one
	maxScoreEver = 10_000 * whole
	maxWeight    = 100 * whole
)

// ScheduleAssessment begins an assessment.
type ScheduleAssessment struct {
	Of
	User     events.ID             `json:"user_id,omitzero" doc:"whose it is; the sender's own by default, another's for curators"`
	Type     events.AssessmentType `json:"assessment_type" doc:"what sort of test"`
	Goal     *events.ID            `json:"goal_id,omitzero" doc:"goal of the same user that it serves"`
	Points   []events.ID           `json:"points,omitempty" doc:"knowledge points it covers"`
	MaxScore *events.Hundredths    `json:"max_score,omitzero" doc:"best possible score; 100 by default" min:"0.01" max:"10000"`
	Weight   *events.Hundredths    `json:"weight,omitzero" doc:"weight in percent; 0 by default" min:"0" max:"100"`
	DueDate  *events.Date          `json:"due_date,omitzero" doc:"day it is due" format:"date"`
}

// SubmitAssessment says that an assessment was handed in.
type SubmitAssessment struct{ Of }

// GradeAssessment gives an assessment its score, or corrects it.
type GradeAssessment struct {
	Of
	Score *events.Hundredths `json:"score" doc:"from 0 to the assessment's maximum" min:"0" max:"10000"`
}

// VoidAssessment strikes an assessment and its score.
type VoidAssessment struct{ Of }

// assessment is what deciding about an assessment needs to know.
type assessment struct {
	owner  events.ID
	kind   events.AssessmentType
	status events.AssessmentStatus // "" before it is scheduled
	most   events.Hundredths
	score  *events.Hundredths
	points []events.ID
}

var assessments = Aggregate[assessment]{events.KindAssessment, evolveAssessment}

var assessmentRules = []Rule{
	creating(rule(assessments, "schedule", OwnerOrCurator, scheduleAssessment)),
	provided("An assessment that was handed in already stays as it is; one that is graded or void is refused: 422, `assessment_graded` or `assessment_void`.",
		rule(assessments, "submit", OwnerOrCurator, submitAssessment)),
	provided("A void assessment is refused: 422, `assessment_void`.", rule(assessments, "grade", Judges, gradeAssessment)),
	rule(assessments, "void", Judges, voidAssessment),
}

func evolveAssessment(s assessment, e events.Event) assessment {
	switch d := e.Data.(type) {
	case *events.AssessmentScheduled:
		return assessment{owner: e.Owner, kind: d.Type, status: events.AssessmentStatusScheduled, most: d.MaxScore, points: d.Points}
	case *events.AssessmentSubmitted:
		s.status = events.AssessmentStatusSubmitted
	case *events.AssessmentGraded:
		s.status, s.score = events.AssessmentStatusGraded, &d.Score
	case *events.AssessmentVoided:
		s.status = events.AssessmentStatusVoid
	}
	return s
}

// visible tells whether the assessment exists for the actor.
func (s assessment) visible(g Given) bool {
	return s.status != "" && (s.owner == g.Actor || g.may(events.Curator))
}

// judgedBy refuses an actor who may not grade or strike it.
func (s assessment) judgedBy(g Given) error {
	own := s.owner == g.Actor
	switch {
	case !s.visible(g):
		return notFound(events.KindAssessment)
	case own && s.kind != events.SelfTest && !g.may(events.Admin):
		return forbidden("Of one's own assessments only a self test can be graded or struck.")
	}
	return nil
}

func scheduleAssessment(_ assessment, c *ScheduleAssessment, g Given) (Outcome, error) {
	owner := c.User
	if owner == (events.ID{}) {
		owner = g.Actor
	}
	if owner == (events.ID{}) {
		return Outcome{}, g.somebody("An assessment is somebody's: say whose, by user_id, or in whose name it is scheduled.")
	}
	if owner != g.Actor && !g.may(events.Curator) {
		return Outcome{}, forbidden("Only a curator schedules an assessment for somebody else.")
	}
	most, weight := or(c.MaxScore, 100*whole), or(c.Weight, 0)
	err := first(
		oneOf("/assessment_type", c.Type),
		within("/max_score", most, 1, maxScoreEver),
		within("/weight", weight, 0, maxWeight),
		distinct("/points", c.Points),
		dated("/due_date", c.DueDate),
	)
	if err != nil {
		return Outcome{}, err
	}
	live := living(events.KindPoint, "/points", c.Points)
	live = append(live, Reference{Stream: events.StreamOf(events.KindUser, owner), Pointer: "/user_id"})
	if c.Goal != nil {
		live = append(live, Reference{Stream: events.StreamOf(events.KindGoal, *c.Goal), Owner: owner, Pointer: "/goal_id"})
	}
	return Outcome{Owner: owner, Requires: live, Events: []events.Data{&events.AssessmentScheduled{
		Type: c.Type, Goal: c.Goal, Points: c.Points, MaxScore: most, Weight: weight, DueDate: c.DueDate,
	}}}, nil
}

func submitAssessment(s assessment, _ *SubmitAssessment, g Given) (Outcome, error) {
	if !s.visible(g) {
		return Outcome{}, notFound(events.KindAssessment)
	}
	switch s.status {
	case events.AssessmentStatusSubmitted:
		return Outcome{}, nil
	case events.AssessmentStatusScheduled:
		return Outcome{Owner: s.owner, Events: []events.Data{&events.AssessmentSubmitted{
			From: s.status, Points: s.points,
		}}}, nil
	}
	return Outcome{}, broken("assessment_"+string(s.status), "", "An assessment that is %s is not submitted.", s.status)
}

func gradeAssessment(s assessment, c *GradeAssessment, g Given) (Outcome, error) {
	if err := s.judgedBy(g); err != nil {
		return Outcome{}, err
	}
	if s.status == events.AssessmentStatusVoid {
		return Outcome{}, broken("assessment_void", "", "An assessment that is void is not graded.")
	}
	if c.Score == nil {
		return Outcome{}, missing("/score")
	}
	if err := within("/score", *c.Score, 0, s.most); err != nil {
		return Outcome{}, err
	}
	if s.score != nil && *s.score == *c.Score {
		return Outcome{}, nil
	}
	graded := &events.AssessmentGraded{From: s.status, Score: *c.Score, Previous: s.score}
	if s.status == events.AssessmentStatusScheduled {
		graded.Points = s.points
	}
	return Outcome{Owner: s.owner, Events: []events.Data{graded}}, nil
}

func voidAssessment(s assessment, _ *VoidAssessment, g Given) (Outcome, error) {
	if err := s.judgedBy(g); err != nil {
		return Outcome{}, err
	}
	if s.status == events.AssessmentStatusVoid {
		return Outcome{}, nil
	}
	return Outcome{Owner: s.owner, Events: []events.Data{&events.AssessmentVoided{From: s.status, Score: s.score}}}, nil
}
