package relay

import (
	"testing"

	"sical-backend/events"
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
