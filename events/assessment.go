package events

// AssessmentType is what sort of test it is.
type AssessmentType string

// The types of assessment. A learner may grade only their own SelfTest.
const (
	Quiz       AssessmentType = "quiz"
	Assignment AssessmentType = "assignment"
	Exam       AssessmentType = "exam"
	SelfTest   AssessmentType = "self"
)

// Values lists the types.
func (AssessmentType) Values() []AssessmentType {
	return []AssessmentType{Quiz, Assignment, Exam, SelfTest}
}

// AssessmentStatus is where an assessment stands.
type AssessmentStatus string

// The statuses of an assessment.
const (
	AssessmentStatusScheduled AssessmentStatus = "scheduled"
	AssessmentStatusSubmitted AssessmentStatus = "submitted"
	AssessmentStatusGraded    AssessmentStatus = "graded"
	AssessmentStatusVoid      AssessmentStatus = "void"
)

// Values lists the statuses.
func (AssessmentStatus) Values() []AssessmentStatus {
	return []AssessmentStatus{AssessmentStatusScheduled, AssessmentStatusSubmitted, AssessmentStatusGraded, AssessmentStatusVoid}
}

// AssessmentScheduled begins an assessment of the stream's owner.
type AssessmentScheduled struct {
	Type     AssessmentType `json:"assessment_type"`
	Goal     *ID            `json:"goal_id,omitzero"`
	Points   []ID           `json:"points,omitempty"`
	MaxScore Hundredths     `json:"max_score"`
	Weight   Hundredths     `json:"weight"`
	DueDate  *Date          `json:"due_date,omitzero"`
}

// AssessmentSubmitted says that the learner has handed it in. Points are what
// it covers, so that what the learner did on them follows from this alone.
type AssessmentSubmitted struct {
	From   AssessmentStatus `json:"from"`
	Points []ID             `json:"points,omitempty"`
}

// AssessmentGraded gives a score, the first one or a corrected one. Points are
// what it covers where it had not been submitted, as a paper exam is not: then
// this is the first to say that the learner took it.
type AssessmentGraded struct {
	From     AssessmentStatus `json:"from"`
	Score    Hundredths       `json:"score"`
	Previous *Hundredths      `json:"previous_score,omitzero"`
	Points   []ID             `json:"points,omitempty"`
}

// AssessmentVoided strikes an assessment and its score.
type AssessmentVoided struct {
	From  AssessmentStatus `json:"from"`
	Score *Hundredths      `json:"score,omitzero"`
}

func (*AssessmentScheduled) fact() {}
func (*AssessmentSubmitted) fact() {}
func (*AssessmentGraded) fact()    {}
func (*AssessmentVoided) fact()    {}

var (
	_ = define[AssessmentScheduled]("assessment.scheduled", 1)
	_ = define[AssessmentSubmitted]("assessment.submitted", 1)
	_ = define[AssessmentGraded]("assessment.graded", 1)
	_ = define[AssessmentVoided]("assessment.voided", 1)
)
