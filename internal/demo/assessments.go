package demo

import (
	"time"

	"sical-backend/command"
	"sical-backend/events"
)

// trial is an assessment that comes when so many points are learnt.
type trial struct {
	kind   events.AssessmentType
	after  int // points learnt
	most   events.Hundredths
	weight events.Hundredths
	graded int // days until it is graded
}

var trials = [...]trial{
	{events.Quiz, 2, 20_00, 10_00, 1},
	{events.SelfTest, 4, 10_00, 0, 0},
	{events.Assignment, 6, 100_00, 30_00, 3},
	{events.Exam, 10, 100_00, 60_00, 5},
}

// toCome is how far ahead of an assessment it is scheduled.
const toCome = 4 * 24 * time.Hour

func (l learner) assessmentID(kind events.AssessmentType) events.ID {
	return id(moment(l.joined, 8, 30), "assessment %s %s", l.username, kind)
}

// assessments tells who was tested on what they had learnt. What is due after the
// story's end is scheduled, or waits for its grade.
func (s *story) assessments() {
	for n, l := range learners() {
		var learnt []session
		for _, sitting := range l.sessions() {
			if sitting.learnt {
				learnt = append(learnt, sitting)
			}
		}
		for _, t := range trials {
			if len(learnt) >= t.after {
				s.assess(l, n, t, learnt[:t.after])
			}
		}
	}
	misprinted := of(learners()[0].assessmentID(events.Quiz))
	s.tell(moment(days-1, 9, 0), curator(), "assessment.void", &command.VoidAssessment{Of: misprinted})
}

// assess tells one assessment of the n-th learner as far as the story goes.
func (s *story) assess(l learner, n int, t trial, covered []session) {
	var points []events.ID
	for _, sitting := range covered {
		points = append(points, sitting.point)
	}
	learnt := covered[len(covered)-1].end()
	due := learnt + toCome
	assessment := of(l.assessmentID(t.kind))
	s.tell(learnt, l.actor(), "assessment.schedule", &command.ScheduleAssessment{
		Of: assessment, Type: t.kind, Goal: new(l.goalID()), Points: points,
		MaxScore: new(t.most), Weight: new(t.weight), DueDate: s.date(due),
	})
	end := moment(days, 0, 0)
	if due >= end {
		return
	}
	s.tell(due, l.actor(), "assessment.submit", &command.SubmitAssessment{Of: assessment})
	grader := curator()
	if t.kind == events.SelfTest {
		grader = l.actor()
	}
	if graded := due + moment(t.graded, 0, 10); graded < end {
		s.tell(graded, grader, "assessment.grade", &command.GradeAssessment{Of: assessment, Score: new(t.score(n))})
	}
}

// score is between half of what is possible and all of it.
func (t trial) score(n int) events.Hundredths {
	return t.most - t.most*events.Hundredths((n*13+t.after*7)%50)/100
}
