package eventlog

import (
	"errors"
	"fmt"
	"time"

	"sical-backend/events"
)

// NewEvent is an event to append.
type NewEvent struct {
	Stream     events.Stream
	Data       events.Data // plain: the log seals what is personal
	Owner      events.ID
	OccurredAt time.Time
	Meta       events.Meta
}

// Guard is a condition on a stream at the moment of the append.
type Guard struct {
	Stream events.Stream
	// Version is the exact version the stream must have, 0 for a new one; Live
	// asks that it exists and is not ended.
	Version int
	// Owner must own the stream, where it is not zero.
	Owner events.ID
}

// Live as a Guard's Version asks for a stream that exists and is not ended.
const Live = -1

// Claim takes a unique value for a stream, in place of the one of the same kind
// that it held. A nil Key only gives that up.
type Claim struct {
	Kind   string
	Key    []byte
	Stream events.Stream
}

// Entry is what one command appends: all of it or nothing.
type Entry struct {
	// Command makes the entry idempotent: a second one with the same id does
	// nothing. Zero for none.
	Command events.ID
	Request []byte        // digest of what was asked, keyed; nil for none
	Keep    time.Duration // how long the command is remembered, 0 for ever
	Subject events.ID     // what the command was about
	Stream  events.Stream // the command's own

	Events []NewEvent
	Guards []Guard
	Claims []Claim

	events.Effects // on Subject

	Result Result

	request *request
	stored  []stored
	newKey  []byte
	sealed  []byte // Secret as it is kept
	bytes   int
}

// Result is what became of an Entry.
type Result struct {
	Err      error  // nil, or why nothing of it was appended
	Position uint64 // of its last event
	Version  int    // of Stream afterwards
	Known    bool   // its Command had been done before; nothing was appended now
	Request  []byte // where Known: the digest kept with it
	Subject  events.ID
}

// ErrClaimed is returned where another stream holds a value that is claimed.
var ErrClaimed = errors.New("the value is taken")

// ErrUnfounded is returned where an entry builds on another one of the same call that was
// not appended: it was refused, or had been done before. Decide anew.
var ErrUnfounded = errors.New("it builds on what was not appended")

// ErrUnavailable is returned where the database could not be reached in time.
// Whether the entry was appended is then unknown; asking again with the same
// Command tells.
var ErrUnavailable = errors.New("the log cannot be reached")

// ErrFull is returned where the database has no room for the entry, of which nothing
// was appended.
var ErrFull = errors.New("the log has no room")

// ConflictError is returned where a stream has moved past the version a guard
// names: load it and decide anew.
type ConflictError struct{ Stream events.Stream }

func (e ConflictError) Error() string { return fmt.Sprintf("%s has another version", e.Stream) }

// GoneError is returned where a stream that must be live does not exist, is
// ended, or is not owned as asked.
type GoneError struct{ Stream events.Stream }

func (e GoneError) Error() string { return fmt.Sprintf("%s is not there", e.Stream) }

// EventError is returned where an event of a stream cannot be read, be it damaged or a newer
// program's. It concerns whoever needs that stream, and will be so again.
type EventError struct {
	Position uint64
	Stream   events.Stream
	Err      error
}

func (e EventError) Error() string { return fmt.Sprintf("event %d: %v", e.Position, e.Err) }

// Unwrap is for errors.Is and errors.As.
func (e EventError) Unwrap() error { return e.Err }
