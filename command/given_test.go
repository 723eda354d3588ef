package command

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"sical-backend/events"
)

// The people of the tests, one for each thing that somebody may be.
var (
	nobody = person{}
	anna   = person{idOf("anna"), events.Learner} // whose things they are
	bo     = person{idOf("bo"), events.Learner}
	cleo   = person{idOf("cleo"), events.Curator}
	mo     = person{idOf("mo"), events.Moderator}
	ada    = person{idOf("ada"), events.Admin}
)

type person struct {
	id   events.ID
	role events.Role
}

// idOf is the same id for the same name.
func idOf(name string) events.ID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// history is what stands in the log, each event with its stream and owner.
type history []events.Event

// on is the history of one stream.
func on(s events.Stream, owner person, facts ...events.Data) history {
	var h history
	for i, d := range facts {
		h = append(h, events.Event{Stream: s, Owner: owner.id, Data: d, Version: i + 1})
	}
	return h
}

// told joins histories.
func told(parts ...history) (all history) {
	for _, h := range parts {
		all = append(all, h...)
	}
	return all
}

// state is what a stream comes to, nil where it has no events.
func (h history) state(s events.Stream) (state any) {
	evolve := EvolverOf(s.Kind())
	for _, e := range h {
		if e.Stream == s {
			state = evolve(state, e)
		}
	}
	return state
}

// given is somebody and what has happened so far.
type given struct {
	by  person
	log history
}

func (g given) decide(c Command) (Outcome, error) {
	who := Given{Actor: g.by.id, Role: g.by.role, Session: idOf("session"), At: noon, Now: noon}
	return decideAs(ruleOf(c), c, who, g.log)
}

// decideAs looks up what a command reads and decides it.
func decideAs(r Rule, c Command, who Given, log history) (Outcome, error) {
	var state any
	if !r.Creates && !r.Unchecked {
		state = log.state(r.Stream(c, who))
	}
	states := map[events.Stream]any{}
	for _, s := range r.Reads(state, c, who) {
		states[s] = log.state(s)
	}
	return r.Decide(state, c, who.With(states))
}

func ruleOf(c Command) Rule {
	for _, r := range Rules() {
		if reflect.TypeOf(r.New()) == reflect.TypeOf(c) {
			return r
		}
	}
	panic("no rule decides this command")
}

// when decides the command and compares the events for its own stream.
func (g given) when(t *testing.T, c Command, want ...events.Data) Outcome {
	t.Helper()
	o, err := g.decide(c)
	if err != nil {
		t.Fatalf("%T refused: %v", c, err)
	}
	if diff := cmp.Diff(want, o.Events); diff != "" {
		t.Errorf("%T (-want +got):\n%s", c, diff)
	}
	return o
}

// refuses decides the command and compares the refusal's code and pointer.
func (g given) refuses(t *testing.T, c Command, code string, pointer ...string) {
	t.Helper()
	o, err := g.decide(c)
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("%T: got %+v and error %v, want a refusal %q", c, o, err, code)
	}
	if r.Code != code || len(pointer) > 0 && r.Pointer != pointer[0] {
		t.Errorf("%T: got %s at %q, want %s at %q", c, r.Code, r.Pointer, code, pointer)
	}
	if r.Reason != reasonOf(code) || r.Detail == "" {
		t.Errorf("%T: %s has reason %d and detail %q", c, code, r.Reason, r.Detail)
	}
	if !reflect.DeepEqual(o, Outcome{}) {
		t.Errorf("%T: refused, and yet %+v", c, o)
	}
}

func reasonOf(code string) Reason {
	switch code {
	case "not_found":
		return NotFound
	case "forbidden":
		return Forbidden
	case "conflict":
		return Conflict
	}
	return Broken
}

// same fails where two values differ.
func same[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// of names a thing for a command about it.
func of(name string) Of { return Of{idOf(name)} }

func ids(names ...string) []events.ID {
	list := make([]events.ID, len(names))
	for i, n := range names {
		list[i] = idOf(n)
	}
	return list
}

// livePoints is the references to points that stand in a field's list.
func livePoints(pointer string, names ...string) []Reference {
	return living(events.KindPoint, pointer, ids(names...))
}
