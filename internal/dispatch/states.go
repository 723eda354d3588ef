package dispatch

import (
	"context"
	"maps"
	"slices"
	"sync"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/eventlog"
)

// known is the fold of a stream, as loaded and as moved on by the round's own
// decisions.
type known struct {
	state    any
	version  int
	position uint64 // of its last event, 0 where that has none yet
}

// states is what a round's decisions stand on.
type states struct {
	streams map[events.Stream]known
	moved   bool // a decision of the round has changed some of them
}

func (s *states) of(stream events.Stream) (state any, version int, position uint64) {
	k := s.streams[stream]
	return k.state, k.version, k.position
}

// given adds the states that the command reads.
func (s *states) given(r *Request) command.Given {
	reader, ok := r.Command.(command.Reader)
	if !ok {
		return r.Given
	}
	seen := map[events.Stream]any{}
	for _, stream := range reader.Reads(r.Given) {
		if k, ok := s.streams[stream]; ok {
			seen[stream] = k.state
		}
	}
	return r.Given.With(seen)
}

// leaning is guards on what the command read of the round's own decisions: should
// those fail, so must what was built on them.
func (s *states) leaning(r *Request) (guards []eventlog.Guard) {
	reader, ok := r.Command.(command.Reader)
	if !ok || !s.moved {
		return nil
	}
	for _, stream := range reader.Reads(r.Given) {
		if k := s.streams[stream]; k.version > 0 && k.position == 0 {
			guards = append(guards, eventlog.Guard{Stream: stream, Version: k.version})
		}
	}
	return guards
}

// evolve moves a stream on by an event that this round is about to append.
func (s *states) evolve(n eventlog.New) {
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

// baseline keeps the fold of the one history that every change of
// prerequisites needs whole. It is never trusted to be current: each use is
// topped up from the log.
type baseline struct {
	mu   sync.Mutex
	kept known
}

func (b *baseline) get() known {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kept
}

func (b *baseline) put(k known) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept.version < k.version {
		b.kept = k
	}
}

// load fetches what the open jobs' decisions need, in one query and one more
// for the curriculum.
func (d *Dispatcher) load(ctx context.Context, open []*job) (*states, error) {
	needed := map[events.Stream]bool{}
	for _, j := range open {
		if !j.Rule.Creates && !j.Rule.Unchecked {
			needed[j.stream] = true
		}
		if reader, ok := j.Command.(command.Reader); ok {
			for _, s := range reader.Reads(j.Given) {
				needed[s] = true
			}
		}
	}
	s := &states{streams: map[events.Stream]known{}}
	if needed[events.Curriculum] {
		delete(needed, events.Curriculum)
		base := d.curriculum.get()
		if err := d.log.LoadAfter(ctx, events.Curriculum, base.version, func(e events.Event) { base = base.after(e) }); err != nil {
			return nil, err
		}
		d.curriculum.put(base)
		s.streams[events.Curriculum] = base
	}
	if len(needed) == 0 {
		return s, nil
	}
	err := d.log.Load(ctx, func(e events.Event) { s.streams[e.Stream] = s.streams[e.Stream].after(e) },
		slices.Collect(maps.Keys(needed))...)
	return s, err
}

// after is the fold with one more event of the log.
func (k known) after(e events.Event) known {
	return known{evolver(e.Stream)(k.state, e), e.Version, e.Position}
}
