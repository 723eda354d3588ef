package dispatch

import (
	"context"
	"errors"
	"maps"
	"slices"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/eventlog"
)

// known is the fold of a stream, as loaded and as moved on by the round's own
// decisions.
type known struct {
	state    any
	version  int
	position uint64    // of its last event, 0 where that has none yet
	last     events.ID // of the log's last event of it
}

// states is what a round's decisions stand on.
type states struct {
	streams map[events.Stream]known
	moved   bool // a decision of the round has changed some of them
	asks    bool // who has a unique value is asked before it is claimed
}

func (s *states) of(stream events.Stream) (state any, version int, position uint64) {
	k := s.streams[stream]
	return k.state, k.version, k.position
}

// changed tells whether a decision of the round has moved the stream.
func (s *states) changed(stream events.Stream) bool {
	k := s.streams[stream]
	return k.version > 0 && k.position == 0
}

// reads names the other streams that the job's decision looks at.
func (s *states) reads(j *job) []events.Stream {
	return j.Rule.Reads(s.streams[j.stream].state, j.Command, j.Given)
}

// given adds the states that the decision looks at.
func (s *states) given(j *job) command.Given {
	streams := s.reads(j)
	if len(streams) == 0 {
		return j.Given
	}
	seen := map[events.Stream]any{}
	for _, stream := range streams {
		if k, ok := s.streams[stream]; ok {
			seen[stream] = k.state
		}
	}
	return j.Given.With(seen)
}

// leaning returns guards on the streams that the decision has looked at as this round's own
// decisions left them: where those fail, so must what was built on them.
func (s *states) leaning(j *job) (guards []eventlog.Guard) {
	if !s.moved {
		return nil
	}
	for _, stream := range s.reads(j) {
		if s.changed(stream) {
			guards = append(guards, eventlog.Guard{Stream: stream, Version: s.streams[stream].version})
		}
	}
	return guards
}

// evolve moves a stream on by an event that this round is about to append.
func (s *states) evolve(n eventlog.NewEvent) {
	k := s.streams[n.Stream]
	k.version++
	k.position, s.moved = 0, true
	k.state = evolver(n.Stream)(k.state, events.Event{
		Stream: n.Stream, Version: k.version, Owner: n.Owner, Data: n.Data, OccurredAt: n.OccurredAt,
	})
	s.streams[n.Stream] = k
}

func evolver(s events.Stream) func(any, events.Event) any {
	if evolve := command.EvolverOf(s.Kind()); evolve != nil {
		return evolve
	}
	return func(state any, _ events.Event) any { return state }
}

// needs lists the streams that the job is known to need before any of them is loaded.
func (j *job) needs() []events.Stream {
	streams := j.Rule.Reads(nil, j.Command, j.Given)
	if !j.Rule.Creates && !j.Rule.Unchecked {
		streams = append(streams, j.stream)
	}
	return streams
}

// load fetches what the open jobs' decisions need. Where an event of that cannot be read, it
// fails, and with it the jobs that need its stream.
func (d *Dispatcher) load(ctx context.Context, open []*job) (*states, error) {
	needed := map[events.Stream]bool{}
	for _, j := range open {
		for _, s := range j.needs() {
			needed[s] = true
		}
	}
	streams, err := d.fold(ctx, slices.Collect(maps.Keys(needed))...)
	if err != nil {
		spoil(open, err, (*job).needs)
		return nil, err
	}
	states := &states{streams: streams}
	return states, d.further(ctx, open, states, needed)
}

// further fetches what is only known to be needed now that the jobs' own streams are
// there; most often that is nothing.
func (d *Dispatcher) further(ctx context.Context, open []*job, states *states, fetched map[events.Stream]bool) error {
	var more []events.Stream
	for _, j := range open {
		if j.Rule.Further == nil {
			continue
		}
		own, _, _ := states.of(j.stream)
		for _, s := range j.Rule.Further(own, j.Given) {
			if !fetched[s] {
				fetched[s] = true
				more = append(more, s)
			}
		}
	}
	if len(more) == 0 {
		return nil
	}
	streams, err := d.fold(ctx, more...)
	if err != nil {
		spoil(open, err, states.reads)
		return err
	}
	maps.Copy(states.streams, streams)
	return nil
}

// Damaged tells of a Verdict's error that the command needs an event which nobody can read: it can
// never be carried out. What only a newer program reads is not damaged.
func Damaged(err error) bool {
	return errors.As(err, new(eventlog.EventError)) && !errors.As(err, new(events.UnknownType))
}

// spoil fails the jobs that need the stream of an event which cannot be read, if err is that.
func spoil(open []*job, err error, needs func(*job) []events.Stream) {
	unread, ok := errors.AsType[eventlog.EventError](err)
	if !ok {
		return
	}
	for _, j := range open {
		if slices.Contains(needs(j), unread.Stream) {
			j.fail(err)
		}
	}
}

// after is the fold with one more event of the log.
func (k known) after(e events.Event) known {
	return known{evolver(e.Stream)(k.state, e), e.Version, e.Position, e.ID}
}
