package reaction

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/pause"
	"sical-backend/internal/wire"
)

const (
	kept     = 2048 // events held in memory, at least
	pageSize = 500  // events read from the log at a time
	patience = 10 * time.Second
	idle     = time.Second // how long the feed may be silent before the log is asked
)

// tail is the log's end in memory, read once for all consumers of the process.
type tail struct {
	cfg         Config
	incarnation events.ID

	mu      sync.Mutex
	recent  []*events.Event // without a gap, ending at last; never written to once there
	last    uint64
	changed chan struct{} // closed when last moves
}

func newTail(cfg Config, incarnation events.ID, head uint64) *tail {
	return &tail{cfg: cfg, incarnation: incarnation, last: head, changed: make(chan struct{})}
}

// add takes in events: what is known already is dropped, and what lies behind a
// hole is left to the log.
func (t *tail) add(list []*events.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.last
	for _, e := range list {
		if e.Position == t.last+1 {
			t.recent, t.last = append(t.recent, e), e.Position
		}
	}
	if t.last == before {
		return
	}
	if len(t.recent) > 2*kept {
		t.recent = append(make([]*events.Event, 0, 3*kept), t.recent[len(t.recent)-kept:]...)
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// after returns events that follow a position; behind, where only the log has
// them; or a channel that is closed when there may be some.
func (t *tail) after(position uint64) (list []*events.Event, behind bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if position >= t.last {
		return nil, false, t.changed
	}
	missing := t.last - position
	if missing > uint64(len(t.recent)) {
		return nil, true, nil
	}
	begin := len(t.recent) - int(missing)
	end := min(begin+pageSize, len(t.recent))
	return t.recent[begin:end:end], false, nil
}

func (t *tail) position() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// page reads a page of the log and checks that it has no gap.
func (t *tail) page(ctx context.Context, after uint64) ([]*events.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := t.cfg.Log.Read(ctx, after, pageSize)
	if err != nil {
		return nil, err
	}
	list := make([]*events.Event, len(found))
	for i := range found {
		if want := after + 1 + uint64(i); found[i].Position != want {
			return nil, fmt.Errorf("reaction: the log has no event %d, but %d", want, found[i].Position)
		}
		list[i] = &found[i]
	}
	return list, nil
}

// feed takes events from the stream until ctx ends.
func (t *tail) feed(ctx context.Context) {
	own := t.incarnation.String()
	for t.cfg.Feed != nil && ctx.Err() == nil {
		err := t.cfg.Feed.Read(ctx, t.position()+1, pageSize, func(b bus.Batch) error {
			list := make([]*events.Event, 0, len(b.Messages))
			for _, m := range b.Messages {
				if m.Header.Get(wire.Incarnation) != own {
					continue // an old stream over a restored log: what is missed so, the log has
				}
				e, err := wire.Decode(m)
				if err != nil {
					return err
				}
				list = append(list, &e)
			}
			t.add(list)
			return nil
		})
		if ctx.Err() == nil {
			t.cfg.Logger.WarnContext(ctx, "live feed interrupted", "reaction", t.cfg.Reaction.Name(), "err", err)
			pause.For(ctx, idle)
		}
	}
}

// follow reads the log wherever the feed brings nothing, until ctx ends.
func (t *tail) follow(ctx context.Context) {
	seen := uint64(0)
	for ctx.Err() == nil {
		at := t.position()
		if at != seen {
			seen = at
			pause.For(ctx, idle)
			continue
		}
		list, err := t.page(ctx, at)
		if err != nil {
			t.cfg.Logger.DebugContext(ctx, "log not read", "reaction", t.cfg.Reaction.Name(), "err", err)
		}
		t.add(list)
		if seen = t.position(); len(list) < pageSize {
			pause.For(ctx, idle)
		}
	}
}
