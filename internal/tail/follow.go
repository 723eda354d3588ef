package tail

import (
	"context"
	"sync"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/pause"
	"sical-backend/internal/wire"
)

// Run keeps up with the log until ctx ends.
func (t *Tail) Run(ctx context.Context) {
	var feeding sync.WaitGroup
	if t.cfg.Feed != nil {
		feeding.Go(func() { t.feed(ctx) })
	}
	t.follow(ctx)
	feeding.Wait()
}

// feed takes events from the feed until ctx ends.
func (t *Tail) feed(ctx context.Context) {
	for ctx.Err() == nil {
		err := t.cfg.Feed.Read(ctx, t.incarnation, t.Position()+1, func(list []*events.Event) uint64 { return t.add(list, true) })
		if ctx.Err() == nil {
			t.cfg.Logger.WarnContext(ctx, "live feed interrupted", "error", err)
			pause.For(ctx, again)
		}
	}
}

// follow reads the log wherever the feed brings nothing, until ctx ends.
func (t *Tail) follow(ctx context.Context) {
	wait, troubled := t.cfg.Look, false
	for {
		pause.For(ctx, wait)
		if ctx.Err() != nil {
			return
		}
		if t.takeFed() {
			wait = t.cfg.Look
			continue
		}
		list, err := Read(ctx, t.cfg.Log, t.Position(), t.cfg.Page)
		if err != nil && ctx.Err() == nil && !troubled { // once, not for every try while the database is away
			t.cfg.Logger.WarnContext(ctx, "log not read", "error", err)
		}
		troubled = err != nil
		switch {
		case err != nil:
			wait = t.cfg.Look
		case len(list) == 0:
			wait = min(2*wait, t.cfg.Look)
		default:
			t.add(list, false)
			wait = soon
		}
	}
}

func (t *Tail) takeFed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	fed := t.fed
	t.fed = false
	return fed
}

// Bus is the log as it comes over the bus.
type Bus struct{ *bus.Reader }

// batch is how many events are taken off the bus at a time, at most.
const batch = 10_000

// Read implements Feed.
func (b Bus) Read(ctx context.Context, incarnation events.ID, from uint64, add Intake) error {
	own := incarnation.String()
	return b.Reader.Read(ctx, from, batch, func(b bus.Batch) error {
		list, last := make([]*events.Event, 0, len(b.Messages)), add(nil)
		for _, m := range b.Messages {
			if m.Seq <= last || m.Header.Get(wire.Incarnation) != own {
				continue // of an old stream beside a restored log; follow reads from the log what is skipped here
			}
			e, err := wire.Decode(m)
			if err != nil {
				return err
			}
			list = append(list, &e)
		}
		add(list)
		return nil
	})
}
