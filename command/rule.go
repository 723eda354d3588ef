package command

import (
	"reflect"
	"slices"
	"time"

	"sical-backend/events"
)

// Command is a request for a change. Implementations are pointers to the
// exported structs of this package; their JSON form is the body of the request
// that carries them and the data of a line in a batch.
type Command interface {
	// Subject is where the id of the thing commanded stands: the door sets it
	// from the path, a creation from the body or to a new one.
	Subject() *events.ID
}

// Placed is a Command decided on another stream than its subject's.
type Placed interface {
	Command
	Stream(Given) events.Stream
}

// Reader is a Command whose decision looks at other aggregates too.
type Reader interface {
	Command
	// Reads names their streams; the decision finds them in Given.
	Reads(Given) []events.Stream
}

// Dated is a Command that may tell when it happened.
type Dated interface {
	Command
	When() *time.Time
}

// Of is embedded by commands about the aggregate with the given id.
type Of struct {
	ID events.ID `json:"id,omitzero" doc:"which resource; a creation without one gets a new id"`
}

// Subject is the id's place.
func (o *Of) Subject() *events.ID { return &o.ID }

// Timed is embedded by commands that are often sent later than they happened.
type Timed struct {
	OccurredAt *time.Time `json:"occurred_at,omitzero" doc:"when it happened, from 1900 on; now by default" format:"date-time"`
}

// When is the time of the happening, nil where it was not told.
func (t *Timed) When() *time.Time { return t.OccurredAt }

// Passworded is a Command that brings a password. Hashing is slow and not pure,
// so the door does it before the decision, which refuses a password unhashed.
type Passworded interface {
	Command
	// Secret is the password as sent, "" for none, and the place of its hash.
	Secret() (password string, hash *string)
	// Redacted is a copy without any password, for what is remembered.
	Redacted() Command
}

// Given is who commands, when, and what was looked up for it.
type Given struct {
	Actor   events.ID
	Role    events.Role
	Session events.ID // the session it came in by, zero for none
	At      time.Time // when it happened, by the sender's account
	Now     time.Time // when it was received
	states  map[events.Stream]any
}

// somebody refuses a command in nobody's name where somebody is needed. Imports may send
// such commands.
func (g Given) somebody(detail string) error {
	if g.Actor != (events.ID{}) {
		return nil
	}
	return &Refusal{Reason: Forbidden, Code: "nobody", Pointer: "/as", Detail: detail}
}

// With returns g with the loaded states that the command reads.
func (g Given) With(states map[events.Stream]any) Given {
	g.states = states
	return g
}

// seen is the looked-up state of a stream, the zero S where it has no history.
func seen[S any](g Given, s events.Stream) S {
	state, _ := g.states[s].(S)
	return state
}

// may tells whether the actor's role includes needed.
func (g Given) may(needed events.Role) bool { return rank(g.Role) >= rank(needed) }

// rank is higher for a role that includes others, -1 for none.
func rank(r events.Role) int { return slices.Index(r.Values(), r) }

// Outcome is what a decision wants written, all of it or nothing. The zero
// Outcome means: it is so already.
type Outcome struct {
	Owner    events.ID     // of the command's own stream
	Events   []events.Data // for the command's own stream
	Also     []Elsewhere   // for a stream that the command reads
	Requires []Reference   // what must exist, and not be deleted, at that moment
	Claims   []Claim       // unique values to take or give up

	events.Effects // on the user or webhook that the command is about
}

// Elsewhere is an event for another stream than the command's own. The append
// fails with a conflict where that stream has moved since it was read.
type Elsewhere struct {
	Stream events.Stream
	Data   events.Data
}

// Reference is another aggregate that the decision relies on.
type Reference struct {
	Stream  events.Stream
	Owner   events.ID // who must own it, zero for anyone
	Pointer string    // JSON pointer of the field that names it, "" for what is commanded itself
	AsRead  bool      // it must not have moved since it was read, or it is decided anew
}

// Claim takes a unique value of one kind for the command's stream, in place of
// the one it held; an empty Value only gives that up.
type Claim struct {
	Kind  string // "username" or "email"
	Value string // normalised: equal texts are equal strings
	Field string // JSON pointer of the field that asks for it
}

// Rule is one kind of command: its name, how it is written and how decided.
type Rule struct {
	Name string      // as in a batch: "goal.create"
	Kind events.Kind // of the stream it is decided on
	// About is the kind of what the command is about, whose version If-Match
	// names and the answer tells; the same as Kind but for a Placed command.
	About events.Kind
	// For says who may give it; Decide refuses everybody else.
	For Access
	// Provided says what else must hold, in which state above all, and by which code it is
	// refused where that does not: sentences for the API's description, "" for none.
	Provided string
	// Creates: the stream must be new; nothing is loaded.
	Creates bool
	// Unchecked: appended without loading or checking the stream's version.
	Unchecked bool
	New       func() Command
	Decide    func(state any, c Command, g Given) (Outcome, error)
	Evolve    func(state any, e events.Event) any
	// Further names streams to look at that only the stream's own state tells of; nil
	// where there are none.
	Further func(state any, g Given) []events.Stream
}

// Anonymous tells whether it is allowed without an account.
func (r Rule) Anonymous() bool { return r.For == Public }

// Stream is the history that c is decided on and appended to.
func (r Rule) Stream(c Command, g Given) events.Stream {
	if p, ok := c.(Placed); ok {
		return p.Stream(g)
	}
	return events.StreamOf(r.Kind, *c.Subject())
}

// Reads names the other streams that c's decision looks at, given the state of its own.
func (r Rule) Reads(state any, c Command, g Given) (streams []events.Stream) {
	if reader, ok := c.(Reader); ok {
		streams = reader.Reads(g)
	}
	if r.Further != nil {
		streams = append(streams, r.Further(state, g)...)
	}
	return streams
}

// Bare tells whether the command says no more than what it is about.
func (r Rule) Bare() bool {
	t := reflect.TypeOf(r.New()).Elem()
	return t.NumField() == 1 && t.Field(0).Type == reflect.TypeFor[Of]()
}

// Aggregate folds the events of one kind of stream into the state that
// decisions about it need. The zero S is the state before the first event.
type Aggregate[S any] struct {
	kind   events.Kind
	evolve func(S, events.Event) S
}

// fold applies one more event; one that this binary does not know leaves the
// state alone.
func (a Aggregate[S]) fold(state any, e events.Event) any {
	s, _ := state.(S)
	if e.Data == nil {
		return s
	}
	return a.evolve(s, e)
}

// rule makes a Rule of a decide function, and of who passes it.
func rule[S, C any, P interface {
	*C
	Command
}](a Aggregate[S], action string, who Access, decide func(S, P, Given) (Outcome, error)) Rule {
	return Rule{
		Name: string(a.kind) + "." + action,
		Kind: a.kind, About: a.kind,
		For: who,
		New: func() Command { return P(new(C)) },
		Decide: func(state any, c Command, g Given) (Outcome, error) {
			s, _ := state.(S)
			return decide(s, c.(P), g)
		},
		Evolve: a.fold,
	}
}

// about marks a rule whose subject is of another kind than its stream.
func about(k events.Kind, r Rule) Rule {
	r.About = k
	return r
}

// named gives a rule another name than its stream's kind suggests.
func named(name string, r Rule) Rule {
	r.Name = name
	return r
}

// creating marks a rule whose stream must be new.
func creating(r Rule) Rule {
	r.Creates = true
	return r
}

// further marks a rule that looks at streams of which the state of its own tells.
func further[S any](streams func(S, Given) []events.Stream, r Rule) Rule {
	r.Further = func(state any, g Given) []events.Stream {
		s, _ := state.(S)
		return streams(s, g)
	}
	return r
}

// provided gives a rule its words on what must hold beside who gives it.
func provided(words string, r Rule) Rule {
	r.Provided = words
	return r
}

// unchecked marks a rule that does not look at its stream.
func unchecked(r Rule) Rule {
	r.Unchecked = true
	return r
}
