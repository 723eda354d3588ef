package projector

import (
	"context"
	"sync"

	"sical-backend/events"
	"sical-backend/internal/tail"
)

const (
	// handoverLength bounds the appends that wait to be taken over; what does not
	// fit comes by the bus, or is read from the log.
	handoverLength = 256
	// smallHole bounds the events of others that are read from the log to reach the
	// handed ones. Where more are missing, the bus is waited for.
	smallHole = 1000
)

// Handover takes what this process appends to the log straight to its own
// projectors. The bus brings the same events later, and those that others append. Where
// the process hands those over as well, see Whole, the bus is not read.
type Handover struct {
	lists chan []events.Event

	mu      sync.Mutex
	whole   bool
	changed chan struct{} // closed when whole changes
}

// NewHandover returns one that holds nothing yet.
func NewHandover() *Handover {
	return &Handover{lists: make(chan []events.Event, handoverLength), changed: make(chan struct{})}
}

// Committed hands over events that stand in the log. It never blocks, and the
// events stay the caller's.
func (h *Handover) Committed(list []events.Event) {
	select {
	case h.lists <- list:
	default:
	}
}

// Whole says whether from now on everything is handed over, whoever appends it:
// the bus would bring nothing new then, and is not read.
func (h *Handover) Whole(whole bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.whole != whole {
		h.whole = whole
		close(h.changed)
		h.changed = make(chan struct{})
	}
}

// await waits until Whole has said so: everything is handed over, or no longer.
func (h *Handover) await(ctx context.Context, whole bool) error {
	for {
		h.mu.Lock()
		is, changed := h.whole, h.changed
		h.mu.Unlock()
		if is == whole {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// run adds what is handed over until ctx ends.
func (h *Handover) run(ctx context.Context, log tail.Log, to tail.Intake) {
	for {
		var list []events.Event
		select {
		case list = <-h.lists:
		case <-ctx.Done():
			return
		}
		if !reaches(ctx, log, to, list[0].Position-1) {
			continue
		}
		own := make([]events.Event, len(list)) // others read the list, too
		copy(own, list)
		to(tail.Pointers(own))
	}
}

// reaches reads what is missing up to a position, which somebody else has
// appended, and tells whether it is all there.
func reaches(ctx context.Context, log tail.Log, to tail.Intake, position uint64) bool {
	last := to(nil)
	if last >= position {
		return true
	}
	if position-last > smallHole {
		return false
	}
	list, err := tail.Read(ctx, log, last, int(position-last))
	return err == nil && to(list) >= position // else the bus brings it, or whoever follows the log
}
