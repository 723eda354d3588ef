package projector

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"sical-backend/events"
	"sical-backend/internal/pause"
)

const (
	// kept is how many of the latest events are held in memory, at least.
	kept = 8192
	// batchSize bounds the events of one transaction, and with it memory and
	// how long a lease must outlive a batch.
	batchSize = 10_000

	tailSoon  = 50 * time.Millisecond
	tailLater = 250 * time.Millisecond
)

// hub holds the latest events, read and decoded once for all views.
type hub struct {
	cfg         Config
	incarnation events.ID
	concerns    map[string]bool // event types that any view folds
	pages       *pages          // of the log, for views that are behind
	slots       chan struct{}   // bounds how many units work on a page at a time
	// turns bounds how many units use the database at a time, first come first
	// served: it has fewer connections than there may be units.
	turns *semaphore.Weighted

	mu      sync.Mutex
	recent  []*events.Event // without a gap, ending at last; never written to once there
	last    uint64
	fed     bool          // the feed has brought something new since the log was last looked at
	changed chan struct{} // closed when last moves
}

func newHub(cfg Config, incarnation events.ID, head uint64) *hub {
	h := &hub{
		cfg: cfg, incarnation: incarnation, last: head, changed: make(chan struct{}),
		concerns: map[string]bool{}, slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	h.turns = semaphore.NewWeighted(int64(max(1, cfg.Pool.Config().MaxConns-2)))
	h.pages = &pages{read: h.page}
	for _, v := range cfg.Views {
		for _, name := range v.Events {
			h.concerns[name] = true
		}
	}
	return h
}

// add takes in events from any source: what is known already is dropped, and
// behind a hole the memory begins anew. It returns the last position.
func (h *hub) add(list []*events.Event, fromFeed bool) uint64 {
	h.decode(list, h.position())
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.last
	for _, e := range list {
		switch {
		case e.Position <= h.last:
			continue
		case e.Position > h.last+1:
			h.recent = nil
		}
		h.recent, h.last = append(h.recent, e), e.Position
	}
	if h.last == before {
		return h.last
	}
	h.fed = h.fed || fromFeed
	if len(h.recent) > 2*kept {
		h.recent = append(make([]*events.Event, 0, 3*kept), h.recent[len(h.recent)-kept:]...)
	}
	close(h.changed)
	h.changed = make(chan struct{})
	return h.last
}

// errShort says that the log lacks events that the feed has brought.
var errShort = errors.New("projector: the log is shorter than it was")

// page reads a page of the log, which is known to go on after the position.
func (h *hub) page(ctx context.Context, after uint64) ([]*events.Event, error) {
	list, err := read(ctx, h.cfg.Log, after, batchSize)
	if err == nil && len(list) == 0 {
		err = errShort
	}
	h.decode(list, after)
	return list, err
}

// decode decodes the events after a position that any view folds.
func (h *hub) decode(list []*events.Event, after uint64) {
	for _, e := range list {
		if e.Position > after && h.concerns[e.Type] {
			// An error shows again, and counts, where a view folds the event.
			_ = decode(e)
		}
	}
}

// decode fills in the event's Data alone: folds have no use for its metadata.
func decode(e *events.Event) (err error) {
	if e.Data == nil {
		if e.Data, err = events.Decode(e.Type, e.Schema, e.Raw); err == nil {
			e.Raw = nil
		}
	}
	return err
}

// after returns events that follow a position, shared with everybody; or
// behind, where only the log still has them; or, where there are none yet, a
// channel that is closed when that may have changed.
func (h *hub) after(position uint64) (list []*events.Event, behind bool, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if position >= h.last {
		return nil, false, h.changed
	}
	missing := h.last - position
	if missing > uint64(len(h.recent)) {
		return nil, true, nil
	}
	begin := len(h.recent) - int(missing)
	end := min(begin+batchSize, len(h.recent))
	return h.recent[begin:end:end], false, nil
}

func (h *hub) position() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// feed takes events from the feed until ctx ends.
func (h *hub) feed(ctx context.Context) error {
	if h.cfg.Feed == nil {
		return nil
	}
	for ctx.Err() == nil {
		err := h.cfg.Feed.Read(ctx, h.incarnation, h.position()+1, func(list []*events.Event) uint64 { return h.add(list, true) })
		if ctx.Err() == nil {
			h.cfg.Logger.WarnContext(ctx, "live feed interrupted", "err", err)
			pause.For(ctx, renewal)
		}
	}
	return nil
}

// follow tails the log wherever the feed brings nothing, until ctx ends.
func (h *hub) follow(ctx context.Context) error {
	wait := tailLater
	for {
		pause.For(ctx, wait)
		if ctx.Err() != nil {
			return nil
		}
		h.pages.sweep()
		if h.takeFed() {
			wait = tailLater
			continue
		}
		list, err := read(ctx, h.cfg.Log, h.position(), kept)
		switch {
		case err != nil:
			h.cfg.Logger.DebugContext(ctx, "log not read", "err", err)
			wait = tailLater
		case len(list) == 0:
			wait = min(2*wait, tailLater)
		default:
			h.add(list, false)
			wait = tailSoon
		}
	}
}

func (h *hub) takeFed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	fed := h.fed
	h.fed = false
	return fed
}

// slot waits for leave to work on a page of the log, so that views which are
// behind move on side by side and do not starve those that are not.
func (h *hub) slot(ctx context.Context) (release func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
