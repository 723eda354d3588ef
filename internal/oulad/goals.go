package oulad

import (
	"time"

	"sical-backend/command"
	"sical-backend/events"
)

// goals gives the enrolments: each created and started at its registration, and
// ended as its result says.
func (s *source) goals(yield func(Line, error) bool) {
	for _, e := range s.enrolments {
		p := e.presentation
		target := events.DateOf(p.end)
		create := e.line("goal.create", e.started, &command.CreateGoal{
			Of:         command.Of{ID: e.goal},
			Title:      p.name(),
			Category:   p.module,
			TargetDate: &target,
			Paths:      []events.ID{p.id},
		})
		start := e.line("goal.start", e.started, &command.StartGoal{Of: command.Of{ID: e.goal}})
		if !give(yield, create, start, e.ending()) {
			return
		}
	}
}

func (e *enrolment) ending() Line {
	of := command.Of{ID: e.goal}
	switch e.result {
	case pass, distinction:
		return e.line("goal.complete", e.presentation.end, &command.CompleteGoal{Of: of})
	case withdrawn:
		return e.line("goal.abandon", e.withdrawn, &command.AbandonGoal{Of: of})
	default: // fail: the only other one that is read
		return e.line("goal.abandon", e.presentation.end, &command.AbandonGoal{Of: of})
	}
}

func (e *enrolment) line(name string, at time.Time, c command.Command) Line {
	p := e.presentation
	id := derived(p.start, "%s %s %d", name, p.name(), e.student.number)
	return Line{e.Place, id, name, e.student.id, at, c}
}
