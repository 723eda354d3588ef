package projector

import (
	"context"
	"fmt"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/wire"
)

// read reads the log and checks that it has no gap.
func read(ctx context.Context, log Log, after uint64, limit int) ([]*events.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := log.Read(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	list := make([]*events.Event, len(found))
	for i := range found {
		if want := after + 1 + uint64(i); found[i].Position != want {
			return nil, fmt.Errorf("projector: the log has no event %d, but %d", want, found[i].Position)
		}
		list[i] = &found[i]
	}
	return list, nil
}

// busFeed is the log as it comes over the bus.
type busFeed struct{ reader *bus.Reader }

// NewFeed returns the feed of the stream that the reader reads.
func NewFeed(reader *bus.Reader) Feed { return busFeed{reader} }

func (f busFeed) Read(ctx context.Context, incarnation events.ID, from uint64, add func([]*events.Event)) error {
	own := incarnation.String()
	return f.reader.Read(ctx, from, batchSize, func(b bus.Batch) error {
		list := make([]*events.Event, 0, len(b.Messages))
		for _, m := range b.Messages {
			if m.Header.Get(wire.Incarnation) != own {
				continue // an old stream over a restored log: what is missed so, the log has
			}
			e, err := wire.Decode(m)
			if err != nil {
				return err
			}
			e.RawMeta = nil
			list = append(list, &e)
		}
		add(list)
		return nil
	})
}
