package demo

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/ids"
	"sical-backend/internal/importer"
)

// days is how long the story lasts.
const days = 42

// namespace keeps these ids apart from any other derivation.
const namespace = "sical demo 1\n"

// calendar is the first day as the ids have it, whenever the demo is loaded.
var calendar = time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)

// Commands tells the demo as of now, in the order in which it happened: its last
// day is the one before. Refused is told which command was refused, and why; while
// nobody has changed what an earlier run brought, that is none.
func Commands(now time.Time, refused func(what string, err error)) iter.Seq2[importer.Item, error] {
	return items(tell(now), now, refused)
}

// tell lists the whole story by time.
func tell(now time.Time) []line {
	s := story{first: now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)}
	for _, part := range []func(){s.users, s.points, s.paths, s.goals, s.study, s.assessments, s.comments, s.suspensions} {
		part()
	}
	slices.SortStableFunc(s.lines, func(a, b line) int { return a.at.Compare(b.at) })
	return s.lines
}

// story writes down what happens.
type story struct {
	first time.Time // the first day
	lines []line
}

// line is one command.
type line struct {
	id      events.ID
	name    string
	by      actor
	at      time.Time
	command command.Command
}

// actor is who commands.
type actor struct {
	id   events.ID
	role events.Role
}

// system is nobody in particular: who sets the demo up.
var system = actor{role: events.Admin}

// tell adds a command; what tells it from others of the same name is its subject
// and the moment.
func (s *story) tell(at time.Duration, by actor, name string, c command.Command) {
	key := id(at, "%s %s %s", name, by.id, c.Subject())
	s.lines = append(s.lines, line{key, name, by, s.first.Add(at), c})
}

// date is the day of a moment.
func (s *story) date(at time.Duration) *events.Date {
	return new(events.DateOf(s.first.Add(at)))
}

// moment is an instant of the story, counted from its beginning.
func moment(day, hour, minute int) time.Duration {
	return time.Duration(day*24+hour)*time.Hour + time.Duration(minute)*time.Minute
}

// id names what came to be at a moment.
func id(at time.Duration, key string, args ...any) events.ID {
	return ids.Derive(namespace, calendar.Add(at), key, args...)
}

func of(id events.ID) command.Of { return command.Of{ID: id} }

// items makes commands of the lines, all in the zero lane: each may follow on any
// before it.
func items(lines []line, now time.Time, refused func(string, error)) iter.Seq2[importer.Item, error] {
	return func(yield func(importer.Item, error) bool) {
		for _, l := range lines {
			rule, known := command.RuleNamed(l.name)
			if !known {
				yield(importer.Item{}, fmt.Errorf("there is no command %q", l.name))
				return
			}
			item := importer.Item{
				Request: &dispatch.Request{
					Rule: rule, Command: l.command, Key: l.id,
					Given: command.Given{Actor: l.by.id, Role: l.by.role, At: l.at, Now: now},
				},
				Refused: func(err error) { refused(fmt.Sprintf("%s %s", l.name, l.command.Subject()), err) },
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}
