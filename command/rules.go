package command

import (
	"slices"
	"time"

	"sical-backend/events"
)

// ahead is how far a sender's clock may run before ours.
const ahead = 5 * time.Minute

// earliest is when the first thing may have happened that is told: before it there is
// nobody who could tell, and a mistake in the year.
var earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

// Rules lists every kind of command.
func Rules() []Rule {
	all := slices.Concat(userRules, goalRules, pathRules, pointRules, curriculumRules, studyRules, assessmentRules, commentRules, webhookRules)
	for i, r := range all {
		all[i] = guarded(r)
	}
	return all
}

var byName = func() map[string]Rule {
	index := map[string]Rule{}
	for _, r := range Rules() {
		index[r.Name] = r
	}
	return index
}()

// RuleNamed finds a kind of command by its name, such as "goal.create".
func RuleNamed(name string) (Rule, bool) {
	r, ok := byName[name]
	return r, ok
}

var evolvers = func() map[events.Kind]func(any, events.Event) any {
	index := map[events.Kind]func(any, events.Event) any{}
	for _, r := range Rules() {
		index[r.Kind] = r.Evolve
	}
	return index
}()

// EvolverOf is the fold of the streams of a kind, for states that commands read;
// nil for a kind that no command is decided on.
func EvolverOf(k events.Kind) func(state any, e events.Event) any { return evolvers[k] }

// guarded asks first what every command has to meet.
func guarded(r Rule) Rule {
	decide := r.Decide
	r.Decide = func(state any, c Command, g Given) (Outcome, error) {
		if err := CheckTime(g); err != nil {
			return Outcome{}, err
		}
		if !r.Anonymous() && !g.may(events.Learner) {
			return Outcome{}, forbidden("This needs an account.")
		}
		return decide(state, c, g)
	}
	return r
}

// CheckTime refuses what is said to happen more than five minutes from now, or to have
// happened before 1900.
func CheckTime(g Given) error {
	switch {
	case g.At.After(g.Now.Add(ahead)):
		return broken("in_the_future", "/occurred_at", "What has not happened yet cannot be recorded.")
	case g.At.Before(earliest):
		return broken("too_long_ago", "/occurred_at", "What happened before 1900 cannot be recorded.")
	}
	return nil
}
