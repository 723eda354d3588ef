package projector

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/pause"
	"sical-backend/internal/tail"
	"sical-backend/internal/wire"
)

const (
	// kept is how many of the latest events are held in memory, at least.
	kept = 8192
	// batchSize bounds the events of one transaction, and with it memory and
	// how long a lease must outlive a batch.
	batchSize = 10_000

	look = 250 * time.Millisecond // how often the log is looked at where the feed is silent
)

// hub holds the latest events, read and decoded once for all views.
type hub struct {
	*tail.Tail
	pages *pages // of the log, for views that are behind
	// slots bounds how many units work on such a page at a time: they move on side by side,
	// and do not starve those that are not behind.
	slots admission.Semaphore
	// turns bounds how many units use the database at a time, first come first
	// served: the pool has fewer connections than there may be units.
	turns *semaphore.Weighted
	// ownership is held by whoever takes a unit or gives one back; see runner.inTurn.
	ownership admission.Semaphore
}

func newHub(cfg Config, incarnation events.ID, head uint64) *hub {
	concerns := map[string]bool{} // event types that any view folds
	for _, v := range cfg.Views {
		for _, name := range v.Events {
			concerns[name] = true
		}
	}
	h := &hub{slots: make(admission.Semaphore, runtime.GOMAXPROCS(0))}
	h.Tail = tail.New(tail.Config{
		Log: cfg.Log, Feed: cfg.Feed, Logger: cfg.Logger, Kept: kept, Page: batchSize, Look: look,
		Decode: func(e *events.Event) {
			if concerns[e.Type] {
				if cfg.Tracer != nil {
					e.Meta.TraceParent = wire.TraceParent(e)
				}
				_ = decode(e) // an error shows again, and counts, where a view folds the event
			}
			e.RawMeta = nil // nothing else of it is of use
		},
	}, incarnation, head)
	h.turns = semaphore.NewWeighted(int64(max(1, cfg.Pool.Config().MaxConns-2)))
	h.ownership = make(admission.Semaphore, 1)
	h.pages = &pages{read: h.page}
	return h
}

// sweep lets go of pages that no view needs any more, until ctx ends.
func (h *hub) sweep(ctx context.Context) {
	for pause.For(ctx, look) {
		h.pages.sweep()
	}
}

// errShort says that the log lacks events that the feed has brought.
var errShort = errors.New("projector: the log is shorter than it was")

// page reads a page of the log, which is known to go on after the position.
func (h *hub) page(ctx context.Context, after uint64) ([]*events.Event, error) {
	list, err := h.Page(ctx, after)
	if err == nil && len(list) == 0 {
		err = errShort
	}
	return list, err
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
