package relay

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/wire"
)

// errLost says that the log has not the event that was published last. It was put back, and
// has grown again: what comes now would hide that for good.
var errLost = errors.New("relay: the log has lost the event that was published last")

// forward publishes handed events, together with what else is handed until the relay has
// rested. Where they do not follow on the last event published, the log is read instead.
func (r *Relay) forward(ctx context.Context, list []events.Event) error {
	list = r.gather(ctx, list)
	for len(list) > 0 && list[0].Position <= r.last {
		if list[0].Position == r.last && !r.isLast(list[0]) {
			return errLost
		}
		list = list[1:]
	}
	for i, e := range list {
		if e.Position != r.last+uint64(i)+1 {
			if err := r.send(ctx, list[:i]); err != nil {
				return err
			}
			return r.catchUp(ctx)
		}
	}
	return r.send(ctx, list)
}

// gather adds what is handed until the relay has rested, or there is enough for a batch.
func (r *Relay) gather(ctx context.Context, list []events.Event) []events.Event {
	lists, n := [][]events.Event{list}, len(list)
	rest := time.NewTimer(time.Until(r.rested))
	defer rest.Stop()
	for resting := true; n < fullBatch && resting; {
		select {
		case more := <-r.handed:
			lists, n = append(lists, more), n+len(more)
			continue
		default:
		}
		select {
		case more := <-r.handed:
			lists, n = append(lists, more), n+len(more)
		case <-rest.C:
			resting = false
		case <-ctx.Done():
			resting = false
		}
	}
	return slices.Concat(lists...) // once, and into a list of its own: others read these
}

// catchUp publishes from the log until less than a page is left: what has come since, or did
// not fit the page, keeps until the next tick.
func (r *Relay) catchUp(ctx context.Context) error {
	for {
		list, err := r.page(ctx)
		if err != nil || len(list) == 0 {
			return err
		}
		if r.cfg.Found != nil {
			r.cfg.Found(list)
		}
		if err := r.send(ctx, list); err != nil || len(list) < pageSize {
			return err
		}
	}
}

// page reads what follows in the log on the last event published, and that one with it, if
// it is known: a log that has it has not gone back.
func (r *Relay) page(ctx context.Context) ([]events.Event, error) {
	if r.lastID == (events.ID{}) {
		return r.cfg.Log.Read(ctx, r.last, pageSize)
	}
	list, err := r.cfg.Log.Read(ctx, r.last-1, 1+pageSize)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || !r.isLast(list[0]) {
		return nil, errLost
	}
	return list[1:], nil
}

// isLast tells whether an event is the one published last, as far as that is known.
func (r *Relay) isLast(e events.Event) bool {
	return e.ID == r.lastID || r.lastID == (events.ID{})
}

// send publishes events that follow on the last one.
func (r *Relay) send(ctx context.Context, list []events.Event) error {
	if len(list) == 0 {
		return nil
	}
	messages := make([]*bus.Message, len(list))
	for i, e := range list {
		messages[i] = wire.Encode(e, r.incarnation.String())
	}
	spans := r.trace(list, messages)
	r.seen = max(r.seen, list[len(list)-1].Position)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	begun := time.Now()
	last, err := r.publish.Publish(ctx, r.last, messages)
	ended := time.Now()
	r.rested = ended.Add(cmp.Or(r.cfg.Rest, min(restFactor*ended.Sub(begun), maxRest)))
	for _, span := range spans {
		span.End()
	}
	n := last - r.last
	r.cfg.Meter.Relayed(int(n), last)
	if n > 0 {
		r.last, r.lastID = last, list[n-1].ID
	}
	return err
}
