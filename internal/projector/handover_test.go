package projector

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

func TestHandedEventsNeedNeitherBusNorLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	log := closedLog{eventlog.NewReader(w.admin), make(chan struct{})}
	own := NewHandover()
	publish, feed := w.stream(connect(testkit.NATS(t)))
	feed = NewFeed(feed.(busFeed).Reader, log, own)
	w.start(func(c *Config) { c.Feed, c.Log = feed, log }, both...)
	w.some(100)
	w.reaches(100, both...)
	close(log.shut)
	for range 20 {
		from := len(w.log)
		w.some(1 + w.r.IntN(10))
		own.Committed(w.log[from:])
	}
	w.reaches(uint64(len(w.log)), both...)
	publish(0) // the bus comes later, with the same
	from := len(w.log)
	w.some(10) // and with what others append
	publish(from)
	w.reaches(uint64(len(w.log)), both...)
	for _, v := range both {
		w.exact(v)
	}
}

func TestTheBusIsLeftAloneWhileEverythingIsHandedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := connect(testkit.NATS(t))
	log := closedLog{eventlog.NewReader(w.admin), make(chan struct{})}
	own := NewHandover()
	publish, feed := w.stream(nc)
	stream, err := testkit.JetStream(t, nc).Stream(t.Context(), wire.Stream)
	require.NoError(t, err)
	read := func(want int) {
		t.Helper()
		testkit.Eventually(t, func() error {
			reading, err := testkit.Reading(t.Context(), stream)
			if err != nil || reading == want {
				return err
			}
			return fmt.Errorf("%d read the stream", reading)
		})
	}
	feed = NewFeed(feed.(busFeed).Reader, log, own)
	w.start(func(c *Config) { c.Feed, c.Log = feed, log }, both...)
	w.some(50)
	w.reaches(50, both...)
	publish(0)
	close(log.shut)
	read(1)
	for range 3 {
		own.Whole(true)
		read(0)
		from := len(w.log)
		w.some(30)
		own.Committed(w.log[from:])
		w.reaches(uint64(len(w.log)), both...)
		publish(from) // the bus has it, too, and nobody looks
		own.Whole(false)
		read(1)
		from = len(w.log)
		w.some(30) // others append
		publish(from)
		w.reaches(uint64(len(w.log)), both...)
	}
	for _, v := range both {
		w.exact(v)
	}
}

func TestHandoverReadsWhatOthersAppendBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(smallHole + 60)
	var mu sync.Mutex
	last, got := uint64(10), []uint64(nil)
	to := func(list []*events.Event) uint64 {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range list {
			got, last = append(got, e.Position), e.Position
		}
		return last
	}
	own := NewHandover()
	own.Committed(w.log[20:25]) // positions from 21 on, 11 is awaited
	own.Committed(w.log[30:32])
	own.Committed(w.log[smallHole+50:]) // too far away: the bus will bring it
	own.Committed(w.log[32:34])
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		own.run(ctx, eventlog.NewReader(w.admin), to)
	}()
	testkit.Eventually(t, func() error {
		if last := to(nil); last != 34 {
			return fmt.Errorf("at %d", last)
		}
		return nil
	})
	cancel()
	testkit.Receive(t, done)
	var want []uint64
	for position := uint64(11); position < 35; position++ {
		want = append(want, position)
	}
	require.Equal(t, want, got)
}

func TestHandoverNeverBlocks(t *testing.T) {
	t.Parallel()
	own := NewHandover()
	for range 2 * handoverLength { // nobody takes them
		own.Committed([]events.Event{{Position: 1}})
	}
	require.Len(t, own.lists, handoverLength)
}
