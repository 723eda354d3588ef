package oulad

import (
	"sical-backend/command"
	"sical-backend/events"
)

// maxScore is what every score in the files is out of.
const maxScore events.Hundredths = 100_00

// assessment is one that a presentation sets to all its students.
type assessment struct {
	Place
	number       int
	presentation *presentation
	kind         events.AssessmentType
	weight       events.Hundredths
	due          events.Date
}

func (s *source) loadAssessments() error {
	kinds := map[string]events.AssessmentType{"TMA": events.Assignment, "CMA": events.Quiz, "Exam": events.Exam}
	s.assessments = map[int]*assessment{}
	for r, err := range s.table(s.files[assessmentsTable], "code_module", "code_presentation", "id_assessment",
		"assessment_type", "date", "weight") {
		if err != nil {
			return err
		}
		a := &assessment{Place: r.Place, presentation: r.presentation(s, 0), number: r.key(2), weight: r.decimal(5)}
		kind, known := kinds[r.fields[3]]
		if !known {
			r.fail("%s %q is none of TMA, CMA, Exam", r.names[3], r.fields[3])
		}
		day := 0
		if !r.missing(4) {
			day = r.day(4)
		}
		if twin := s.assessments[a.number]; twin != nil {
			r.fail("the assessment stands in line %d already", twin.Number)
		}
		if r.refused() {
			continue
		}
		a.kind, a.due = kind, events.DateOf(a.presentation.at(day))
		if r.missing(4) {
			a.due = events.DateOf(a.presentation.end)
			r.repair("no date of the assessment: the end taken")
		}
		s.assessments[a.number] = a
	}
	return nil
}

// submissions gives what students handed in: scheduled when the presentation
// starts, or when it is handed in if that is earlier; then submitted and, where
// there is a score, graded.
func (s *source) submissions(yield func(Line, error) bool) {
	for r, err := range s.table(s.files[studentAssessment], "id_assessment", "id_student", "date_submitted", "score") {
		if err != nil {
			yield(Line{}, err)
			return
		}
		lines, read := s.submission(r)
		if read && !give(yield, lines...) {
			return
		}
	}
}

func (s *source) submission(r *row) (lines []Line, read bool) {
	number, day := r.key(0), r.day(2)
	var score events.Hundredths
	if !r.missing(3) {
		score = r.decimal(3)
	}
	a := s.assessments[number]
	if a == nil {
		r.fail("unknown assessment %d", number)
		r.refused()
		return nil, false
	}
	e := r.enrolment(s, a.presentation, 1)
	if r.refused() {
		return nil, false
	}
	p := a.presentation
	of := command.Of{ID: derived(p.start, "assessment %d %d", a.number, e.student.number)}
	submitted := p.at(day)
	line := func(name string, as events.ID, c command.Command) Line {
		return Line{r.Place, derived(submitted, "%s %d %d", name, a.number, e.student.number), name, as, submitted, c}
	}
	schedule := line("assessment.schedule", e.student.id, &command.ScheduleAssessment{
		Of: of, Type: a.kind, Goal: &e.goal, MaxScore: new(maxScore), Weight: &a.weight, DueDate: &a.due,
	})
	schedule.At = earlier(p.start, submitted)
	lines = []Line{schedule, line("assessment.submit", e.student.id, &command.SubmitAssessment{Of: of})}
	if !r.missing(3) {
		lines = append(lines, line("assessment.grade", events.ID{}, &command.GradeAssessment{Of: of, Score: &score}))
	}
	return lines, true
}
