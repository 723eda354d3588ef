package projector

import (
	"context"
	"errors"
	"sync"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/tail"
)

// busFeed is the log as it comes over the bus, and ahead of that what is handed over
// within this process. While everything is handed over, the bus is not read.
type busFeed struct {
	tail.Bus
	log tail.Log
	own *Handover // nil for none
}

// NewFeed returns the feed of the reader's stream. What own hands over goes ahead of it;
// nil for nothing. What others have appended in between is read from the log.
func NewFeed(reader *bus.Reader, log tail.Log, own *Handover) tail.Feed {
	return busFeed{tail.Bus{Reader: reader}, log, own}
}

func (f busFeed) Read(ctx context.Context, incarnation events.ID, from uint64, add tail.Intake) error {
	if f.own == nil {
		return f.Bus.Read(ctx, incarnation, from, add)
	}
	ctx, cancel := context.WithCancel(ctx)
	var handing sync.WaitGroup
	handing.Go(func() { f.own.run(ctx, f.log, add) })
	defer handing.Wait()
	defer cancel()
	for {
		if err := f.own.await(ctx, false); err != nil {
			return err
		}
		err := f.partly(ctx, incarnation, add)
		if ctx.Err() != nil || !errors.Is(err, context.Canceled) {
			return err
		}
	}
}

// partly reads the bus until everything is handed over; it then returns
// context.Canceled.
func (f busFeed) partly(ctx context.Context, incarnation events.ID, add tail.Intake) error {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		_ = f.own.await(ctx, true) // fails where the reading ended by itself
		cancel()
	})
	defer watching.Wait()
	defer cancel()
	return f.Bus.Read(ctx, incarnation, add(nil)+1, add)
}
