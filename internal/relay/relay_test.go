package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog/logtest"
	"sical-backend/internal/testkit"
)

func TestRelayGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	for range 4 {
		s.append(t, 7) // while nobody relays
		r, end := s.relay(t)
		s.Hand = r.Committed
		s.append(t, 20)
		end() // wherever it is
		s.Hand = nil
	}
	_, _ = s.relay(t)
	s.agrees(t, 0)
}

func TestTwoRelaysDoNotInterleave(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	first, end := s.relay(t)
	second, _ := s.relay(t)
	s.Hand = func(list []events.Event) {
		first.Committed(list)
		second.Committed(list)
	}
	s.append(t, 60)
	s.agrees(t, 0)
	end()
	s.append(t, 20) // the one that stood by takes over
	s.agrees(t, 0)
}

// TestWhatWasHandedOverBeforeIsRead: the log may have been put back since, and have other
// events at those positions, or none.
func TestWhatWasHandedOverBeforeIsRead(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.append(t, 3)
	lost, err := s.Read(t.Context(), 0, 3)
	require.NoError(t, err)
	for i := range lost {
		lost[i].Position += 3
	}
	conn := s.bus.Connect()
	r, err := New(Config{Log: s.Relay, NATS: conn, Logger: slog.New(slog.DiscardHandler), Meter: silent{}})
	require.NoError(t, err)
	r.active.Store(true) // as in a session that has ended since
	r.Committed(lost)
	r.active.Store(false)
	before, err := s.Relay.History(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	s.agrees(t, 0)
	s.append(t, 2)
	s.agrees(t, 0)
	after, err := s.Relay.History(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.Incarnation, after.Incarnation, "nothing was published that the log does not have")
	cancel()
	require.NoError(t, testkit.Receive(t, done))
}

// TestWhoStandsByEndsQuietly: that it is to end is no failure to try again after.
func TestWhoStandsByEndsQuietly(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	s := &system{Log: logtest.New(t), bus: testkit.NATS(t), log: &log}
	first, end := s.relay(t)
	second, endSecond := s.relay(t)
	s.Hand = func(list []events.Event) {
		first.Committed(list)
		second.Committed(list)
	}
	testkit.Eventually(t, func() error {
		s.append(t, 1) // until one of them is late
		if !strings.Contains(log.String(), "standing by") {
			return errors.New("both are at work")
		}
		return nil
	})
	before := strings.Count(log.String(), "trying again")
	end()
	endSecond()
	require.Equal(t, before, strings.Count(log.String(), "trying again"), log.String())
}

func TestNATSGoesAndComes(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	r, _ := s.relay(t)
	s.Hand = r.Committed
	s.append(t, 5)
	s.agrees(t, 0)
	s.bus.Stop()
	s.append(t, 30) // commands do not wait for it
	s.bus.Start()
	s.agrees(t, 0)
}

// An instant that RFC 3339 cannot write, put into the log behind everybody's back, is
// relayed like any other, and the stream stays.
func TestInstantsBeyondTheCalendarAreRelayed(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.append(t, 5)
	_, err := s.Admin.Exec(t.Context(), `update sical.events set occurred_at = case position
		when 2 then timestamptz '0002-12-31 10:00+00 BC' when 5 then timestamptz '10000-01-01 00:00+00' else occurred_at end`)
	require.NoError(t, err)
	log := &staleLog{Reader: s.Relay, between: func() {}}
	_, _ = s.relayOf(t, log)
	s.agrees(t, 0)
	js := s.stream(t)
	before, asked := created(t, js), log.asked.Load()
	testkit.Eventually(t, func() error {
		if n := log.asked.Load(); n < asked+2 { // it has looked again, at the last message too
			return fmt.Errorf("asked %d times", n)
		}
		return nil
	})
	s.append(t, 3)
	s.agrees(t, 0)
	assert.Equal(t, before, created(t, js), "the stream was made anew")
}
