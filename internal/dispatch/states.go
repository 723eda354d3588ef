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
	position uint64    // of its last event, 0 where that has none yet
	last     events.ID // of the log's last event of it
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
// prerequisites needs whole. It is never trusted to be current, nor of this log: see
// Dispatcher.current.
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
	b.kept = k
}

// current is the fold of the curriculum, gone on from what is kept of it if that ends at
// an event that still stands there: the log may go back under a process, to a backup or
// to a standby that had not the last of it, and then goes on otherwise.
func (d *Dispatcher) current(ctx context.Context) (known, error) {
	for kept := d.curriculum.get(); ; kept = (known{}) {
		now, stands := kept, kept.version == 0
		err := d.log.LoadAfter(ctx, events.Curriculum, kept.version-1, func(e events.Event) {
			if e.Version == kept.version {
				stands = e.ID == kept.last
				return
			}
			now = now.after(e)
		})
		if err != nil {
			return known{}, err
		}
		if stands {
			d.curriculum.put(now)
			return now, nil
		}
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
		current, err := d.current(ctx)
		if err != nil {
			return nil, err
		}
		s.streams[events.Curriculum] = current
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
	return known{evolver(e.Stream)(k.state, e), e.Version, e.Position, e.ID}
}
