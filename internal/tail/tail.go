// Package tail keeps the end of the log in memory for all who follow it in a process:
// events come from a feed, and are read from the log where the feed brings nothing.
package tail

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sical-backend/events"
)

// Log is the truth that is followed.
type Log interface {
	// Read returns up to limit events after a position, in order and without a gap; fewer
	// where they are large, none where there are none.
	Read(ctx context.Context, after uint64, limit int) ([]events.Event, error)
	// Head is the last position.
	Head(context.Context) (uint64, error)
	// Incarnation tells one history of the log from another.
	Incarnation(context.Context) (events.ID, error)
}

// Feed brings the log's events sooner than reading it would. Whatever it loses,
// doubles or misorders is made good from the Log.
type Feed interface {
	// Read calls add with the events of one incarnation of the log from a
	// position on, as they come, until ctx ends. What it hands over belongs to add.
	Read(ctx context.Context, incarnation events.ID, from uint64, add Intake) error
}

// Intake takes events in, of which it drops those that it has, and returns the
// position that is then reached. It is safe for concurrent use.
type Intake func([]*events.Event) (reached uint64)

const (
	// keptBytes is how much is held in memory at most, as stored: an event may be of 50 KB.
	keptBytes = 32 << 20
	patience  = 10 * time.Second      // of one read of the log
	soon      = 50 * time.Millisecond // until the log is looked at that brought something
	again     = time.Second           // until a feed that broke off is read again
)

// Config is what is followed, and how.
type Config struct {
	Log    Log
	Feed   Feed // nil: the log alone
	Logger *slog.Logger
	// Kept is how many of the latest events are held in memory at least, but fewer where
	// they are large, see keptBytes. Page is how many After and Page return at most.
	Kept, Page int
	// Look is how often the log is looked at while the feed brings nothing.
	Look time.Duration
	// Decode prepares each event before it is shared; nil for nothing.
	Decode func(*events.Event)
}

// Tail is the end of one incarnation of the log. It is safe for concurrent use.
type Tail struct {
	cfg         Config
	incarnation events.ID

	mu      sync.Mutex
	recent  []*events.Event // without a gap, ending at last; never written to once there
	sizes   []int           // of each of them, as stored
	bytes   int             // all of them
	last    uint64
	fed     bool          // the feed has brought something new since the log was last looked at
	changed chan struct{} // closed when last moves
}

// New returns the end of an incarnation of the log that goes up to head.
func New(cfg Config, incarnation events.ID, head uint64) *Tail {
	if cfg.Decode == nil {
		cfg.Decode = func(*events.Event) {}
	}
	return &Tail{cfg: cfg, incarnation: incarnation, last: head, changed: make(chan struct{})}
}

// Incarnation is that of the log which is followed.
func (t *Tail) Incarnation() events.ID { return t.incarnation }

// Position is the last that is known.
func (t *Tail) Position() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// After returns events that follow a position, shared with everybody; or behind, where
// only the log still has them; or, where there are none yet, a channel that is closed when
// that may have changed.
func (t *Tail) After(position uint64) (list []*events.Event, behind bool, changed <-chan struct{}) {
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
	end := min(begin+t.cfg.Page, len(t.recent))
	return t.recent[begin:end:end], false, nil
}

// Page reads what follows a position from the log; it is empty at the log's end.
func (t *Tail) Page(ctx context.Context, after uint64) ([]*events.Event, error) {
	list, err := Read(ctx, t.cfg.Log, after, t.cfg.Page)
	for _, e := range list {
		t.cfg.Decode(e)
	}
	return list, err
}

// Read reads the log and checks that it has no gap.
func Read(ctx context.Context, log Log, after uint64, limit int) ([]*events.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := log.Read(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if want := after + 1 + uint64(i); found[i].Position != want {
			return nil, fmt.Errorf("the log has no event %d, but %d", want, found[i].Position)
		}
	}
	return Pointers(found), nil
}

// Pointers returns pointers to the events of a list. From then on the list belongs to
// whoever is handed them.
func Pointers(list []events.Event) []*events.Event {
	all := make([]*events.Event, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}

// add takes in events from any source: what is known already is dropped, and
// behind a hole the memory begins anew. It returns the last position.
func (t *Tail) add(list []*events.Event, fed bool) uint64 {
	sizes, known := make([]int, len(list)), t.Position()
	for i, e := range list {
		if sizes[i] = len(e.Raw) + len(e.RawMeta); e.Position > known {
			t.cfg.Decode(e)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.last
	for i, e := range list {
		switch {
		case e.Position <= t.last:
			continue
		case e.Position > t.last+1:
			t.recent, t.sizes, t.bytes = nil, nil, 0
		}
		t.recent, t.sizes, t.last = append(t.recent, e), append(t.sizes, sizes[i]), e.Position
		t.bytes += sizes[i]
	}
	if t.last == before {
		return t.last
	}
	t.fed = t.fed || fed
	if len(t.recent) > 2*t.cfg.Kept || t.bytes > keptBytes {
		t.trim()
	}
	close(t.changed)
	t.changed = make(chan struct{})
	return t.last
}

// trim lets go of the oldest events: of more than it must, so that it need not run again
// for the next event.
func (t *Tail) trim() {
	from := max(len(t.recent)-t.cfg.Kept, 0)
	for _, size := range t.sizes[:from] {
		t.bytes -= size
	}
	for ; t.bytes > keptBytes/2; from++ {
		t.bytes -= t.sizes[from]
	}
	t.recent = append(make([]*events.Event, 0, 3*t.cfg.Kept), t.recent[from:]...)
	t.sizes = append(make([]int, 0, 3*t.cfg.Kept), t.sizes[from:]...)
}
