package reconcile

import (
	"bytes"
	"cmp"
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/wire"
)

const (
	span  = 1000 // positions of a range
	ahead = 50   // ranges that the log is asked to sum up at a time
)

// walk goes through the stream once, range by range, and looks at single events
// only where a range's digest is not the log's.
type walk struct {
	c        *Reconciler
	stream   jetstream.Stream
	report   *Report
	progress func(done, all uint64)

	from    uint64            // the range under way: from, and span-1 behind
	held    []*events.Event   // its messages by place, nil where there is none or no event of this log
	odd     map[int]bool      // places whose message is no event of this log
	digests []eventlog.Digest // of this range and those behind it
}

func (w *walk) run(ctx context.Context) error {
	w.clear()
	err := w.c.read(ctx, w.report.From, w.report.To, func(m bus.Message) error {
		for m.Seq >= w.from+span {
			if err := w.close(ctx); err != nil {
				return err
			}
		}
		w.hold(m)
		return nil
	})
	for err == nil && w.from <= w.report.To {
		err = w.close(ctx)
	}
	return err
}

func (w *walk) clear() {
	w.held, w.odd = make([]*events.Event, span), map[int]bool{}
}

func (w *walk) hold(m bus.Message) {
	place := int(m.Seq - w.from)
	e, err := wire.Decode(m)
	if err != nil || m.Header.Get(wire.Incarnation) != w.report.Incarnation.String() {
		w.odd[place] = true
		return
	}
	w.held[place] = &e
}

// close compares the range that is complete, and goes on to the next.
func (w *walk) close(ctx context.Context) error {
	to := min(w.from+span-1, w.report.To)
	if len(w.digests) == 0 {
		var err error
		if w.digests, err = w.c.Log.Digests(ctx, w.from, min(w.from+ahead*span-1, w.report.To), span); err != nil {
			return err
		}
	}
	sum := eventlog.NewSum()
	for _, e := range w.held {
		if e != nil {
			sum.Add(e.ID, e.Raw)
		}
	}
	if len(w.odd) > 0 || sum.Digest() != w.digests[0] {
		if err := w.descend(ctx, to); err != nil {
			return err
		}
	}
	w.report.Compared += to - w.from + 1
	if w.progress != nil {
		w.progress(w.report.Compared, w.report.To-w.report.From+1)
	}
	w.digests = w.digests[1:]
	w.from = to + 1
	w.clear()
	return nil
}

// descend compares the range event by event.
func (w *walk) descend(ctx context.Context, to uint64) error {
	logged, err := w.c.Log.Range(ctx, w.from, to)
	if err != nil {
		return err
	}
	info, err := w.stream.Info(ctx)
	if err != nil {
		return err
	}
	belongs, err := w.belongs(ctx, logged)
	if err != nil {
		return err
	}
	for i := range logged {
		e := &logged[i]
		place := int(e.Position - w.from)
		found := w.held[place]
		d := Difference{Position: e.Position, Log: &e.ID}
		switch {
		case w.odd[place]:
			d.Kind = Foreign
		case found == nil && e.Position < info.State.FirstSeq:
			continue // discarded meanwhile, as old ones are
		case found == nil:
			d.Kind = Missing
		case found.ID == e.ID && bytes.Equal(found.Raw, e.Raw):
			continue
		case found.ID == e.ID:
			d.Kind, d.Stream = Different, &found.ID
		default:
			d.Kind, d.Stream = Foreign, &found.ID
			if at := belongs[eventlog.Place{Stream: found.Stream, Version: found.Version}]; at.ID == found.ID {
				d.Kind, d.Belongs = Reordered, at.Position
			}
			w.report.lost = cmp.Or(w.report.lost, e.Position)
		}
		w.report.add(d)
	}
	return nil
}

// belongs finds where the events that stand in a wrong place stand in the log.
func (w *walk) belongs(ctx context.Context, logged []events.Event) (map[eventlog.Place]events.Event, error) {
	var places []eventlog.Place
	for _, e := range logged {
		if found := w.held[e.Position-w.from]; found != nil && found.ID != e.ID {
			places = append(places, eventlog.Place{Stream: found.Stream, Version: found.Version})
		}
	}
	if len(places) == 0 {
		return nil, nil
	}
	return w.c.Log.Positions(ctx, places)
}
