package relay

import (
	"errors"
	"strings"
	"testing"

	"sical-backend/internal/eventlog/logtest"
	"sical-backend/internal/testkit"
)

// Where JetStream has no room left, the log goes on and the relay says so; once there
// is room, the stream has everything.
func TestJetStreamIsFull(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	s := &system{Log: logtest.New(t), bus: testkit.SmallNATS(t, 16<<20), limits: Config{MaxBytes: 8 << 20}, log: &log}
	_, _ = s.relay(t)
	s.append(t, 5)
	s.agrees(t, 0)

	free := s.bus.Fill()
	s.append(t, 5)
	s.Add(t, 700) // more than one page
	testkit.Eventually(t, func() error {
		if text := log.String(); !strings.Contains(text, "relay: trying again") || !strings.Contains(text, "insufficient") {
			return errors.New("not told: " + text)
		}
		return nil
	})
	s.append(t, 2)
	free()
	s.agrees(t, 0)
	s.append(t, 2)
	s.agrees(t, 0)
}
