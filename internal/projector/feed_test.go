package projector

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/tail"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// unruly is a feed that hands over what the test says, in that order.
type unruly chan []events.Event

func (f unruly) Read(ctx context.Context, _ events.ID, _ uint64, add tail.Intake) error {
	for {
		select {
		case list := <-f:
			handed := make([]*events.Event, len(list))
			for i := range list {
				own := list[i]
				handed[i] = &own
			}
			add(handed)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestFeedMayRepeatReorderAndLose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	feed := make(unruly)
	w.start(func(c *Config) { c.Feed = feed }, both...)
	for range 30 {
		w.some(1 + w.r.IntN(40))
		for range 5 {
			from := w.r.IntN(len(w.log))
			feed <- w.log[from : from+w.r.IntN(len(w.log)-from)+1]
		}
		if w.r.IntN(3) == 0 { // not in order even within one delivery
			feed <- []events.Event{w.log[len(w.log)-1], w.log[0], w.log[len(w.log)/2]}
		}
	}
	w.reaches(uint64(len(w.log)), both...)
	for _, v := range both {
		w.exact(v)
	}
}

// stream is a real stream that the test publishes the log on.
func (w *world) stream(nc *nats.Conn) (publish func(from int), feed tail.Feed) {
	js, err := jetstream.New(nc)
	require.NoError(w, err)
	patient, err := jetstream.New(nc, jetstream.WithDefaultTimeout(time.Minute)) // for a busy machine; one that reads has to notice that NATS is gone
	require.NoError(w, err)
	_, err = bus.EnsureStream(w.Context(), patient, jetstream.StreamConfig{Name: wire.Stream, Subjects: []string{wire.Subjects}}, 1)
	require.NoError(w, err)
	incarnation, err := eventlog.NewReader(w.admin).Incarnation(w.Context())
	require.NoError(w, err)
	publisher := bus.NewSequencedPublisher(patient, wire.Stream)
	return func(from int) {
		var list []*bus.Message
		for _, e := range w.log[from:] {
			list = append(list, wire.Encode(e, incarnation.String()))
		}
		_, err := publisher.Publish(w.Context(), uint64(from), list)
		require.NoError(w, err)
	}, NewFeed(bus.NewReader(js, wire.Stream, nil), nil, nil)
}

// closedLog can be read until it is shut, after which only a feed can help.
type closedLog struct {
	tail.Log
	shut chan struct{}
}

func (l closedLog) Read(ctx context.Context, after uint64, limit int) ([]events.Event, error) {
	select {
	case <-l.shut:
		return nil, fmt.Errorf("shut")
	default:
		return l.Log.Read(ctx, after, limit)
	}
}

func TestLiveOverJetStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	publish, feed := w.stream(connect(testkit.NATS(t)))
	log := closedLog{eventlog.NewReader(w.admin), make(chan struct{})}
	w.start(func(c *Config) { c.Feed, c.Log = feed, log }, both...)
	w.some(100)
	publish(0)
	w.reaches(100, both...)
	close(log.shut)
	w.some(400)
	publish(100)
	w.reaches(500, both...)
	for _, v := range both {
		w.exact(v)
	}
}

func TestWithoutNATSTheLogIsTailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := testkit.NATS(t)
	nc := connect(server)
	publish, feed := w.stream(nc)
	log := closedLog{eventlog.NewReader(w.admin), make(chan struct{})}
	w.start(func(c *Config) { c.Feed, c.Log = feed, log }, projections.Goal.View)
	w.some(50)
	publish(0)
	w.reaches(50, projections.Goal.View)

	server.Stop()
	w.some(50)
	w.reaches(100, projections.Goal.View)

	server.Start()
	testkit.Eventually(t, func() error {
		if !nc.IsConnected() {
			return fmt.Errorf("NATS is %v", nc.Status())
		}
		return nil
	})
	publish(50)
	close(log.shut) // it is the feed again that brings the rest
	w.some(50)
	publish(100)
	w.reaches(150, projections.Goal.View)
	w.exact(projections.Goal.View)
}
