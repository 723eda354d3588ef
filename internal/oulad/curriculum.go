package oulad

import (
	"fmt"

	"sical-backend/command"
	"sical-backend/events"
)

// users gives the students, by the file's order of their first enrolments.
func (s *source) users(yield func(Line, error) bool) {
	for _, who := range s.students {
		register := Line{
			Place: who.Place, ID: derived(epoch, "user.register %d", who.number), Type: "user.register", At: who.since,
			Command: &command.RegisterUser{Of: command.Of{ID: who.id}, Username: fmt.Sprintf("oulad-%d", who.number)},
		}
		if !give(yield, register) {
			return
		}
	}
}

// points gives the pages, presentation by presentation. Nothing in the files
// says how hard a page is, or how long it takes.
func (s *source) points(yield func(Line, error) bool) {
	for _, p := range s.ordered {
		for _, g := range p.pages {
			create := Line{
				Place: g.Place, ID: derived(p.start, "point.create %s %d", p.name(), g.site), Type: "point.create", At: p.opened,
				Command: &command.CreatePoint{
					Of:       command.Of{ID: g.id},
					Title:    fmt.Sprintf("%s %s %d", p.name(), g.activity, g.site),
					Category: g.activity,
				},
			}
			if !give(yield, create) {
				return
			}
		}
	}
}

// paths gives the presentations, each with its pages in the file's order.
func (s *source) paths(yield func(Line, error) bool) {
	for _, p := range s.ordered {
		points := make([]events.ID, len(p.pages))
		for i, g := range p.pages {
			points[i] = g.id
		}
		create := Line{
			Place: p.Place, ID: derived(p.start, "path.create %s", p.name()), Type: "path.create", At: p.opened,
			Command: &command.CreatePath{Of: command.Of{ID: p.id}, Title: p.name(), Category: p.module, Points: points},
		}
		publish := Line{
			Place: p.Place, ID: derived(p.start, "path.publish %s", p.name()), Type: "path.publish", At: p.opened,
			Command: &command.PublishPath{Of: command.Of{ID: p.id}},
		}
		if !give(yield, create, publish) {
			return
		}
	}
}
