package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/embedded"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// What NATS drops is a line of the log like any other; a ring of the bell that the one
// before has made needless is none.
func TestErrorsOfNATSAreLogged(t *testing.T) {
	t.Parallel()
	var logged testkit.Log
	a := newApp(Config{}, telemetry.NewLogger(&logged, slog.LevelInfo, "json"))
	t.Cleanup(a.Close)
	a.natsURL = testkit.NATS(t).URL
	require.NoError(t, a.connect())
	for _, subject := range []string{wire.Appended, "sical.test.other"} { // told in this order
		_, err := a.nats.ChanSubscribe(subject, make(chan *nats.Msg, 1))
		require.NoError(t, err)
		for range 10 {
			require.NoError(t, a.nats.Publish(subject, nil))
		}
	}
	testkit.Eventually(t, func() error {
		if logged.String() == "" {
			return errors.New("nothing is logged yet")
		}
		return nil
	})
	require.Regexp(t, `"level":"WARN","msg":"nats: error".*"subject":"sical.test.other","error":"nats: slow consumer`, logged.String())
	require.NotContains(t, logged.String(), wire.Appended)
}

// Being refused by NATS, from the start or later, is told and no end: a configuration that
// lacks a user may be mended.
func TestRefusedByNATSIsNoEnd(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"from the start", "later"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			bus := testkit.NATS(t)
			var logged testkit.Log
			a := newApp(Config{}, telemetry.NewLogger(&logged, slog.LevelInfo, "json"))
			t.Cleanup(a.Close)
			a.natsURL = bus.URL
			if when == "later" {
				require.NoError(t, a.connect())
			}
			bus.Stop()
			refuses := inPlaceOf(t, bus)
			if a.nats == nil {
				require.NoError(t, a.connect())
			}
			testkit.Eventually(t, func() error {
				if v, err := refuses.Server.Varz(nil); err != nil || v.TotalConnections < 4 {
					return fmt.Errorf("not tried often: %v, now %v", err, a.nats.Status())
				}
				if !strings.Contains(logged.String(), `"msg":"nats: no connection","error":"nats: Authorization Violation"`) {
					return errors.New("it is not told: " + logged.String())
				}
				return nil
			})
			require.NotContains(t, logged.String(), "nats: error", "told once and not for each try")
			refuses.Close()
			bus.Start()
			testkit.Eventually(t, func() error {
				if !a.nats.IsConnected() {
					return errors.New(a.nats.Status().String())
				}
				return nil
			})
		})
	}
}

// inPlaceOf starts another server where a bus was that was stopped: it lets nobody in who
// has the credential of the bus.
func inPlaceOf(t *testing.T, bus *testkit.Bus) *embedded.NATS {
	t.Helper()
	_, port, err := net.SplitHostPort(bus.Address())
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	server, err := embedded.StartNATS(embedded.NATSOptions{Dir: t.TempDir(), Port: number, Unsynced: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server
}

func TestInboxesAreOfTheUser(t *testing.T) {
	t.Parallel()
	for urls, want := range map[string]string{
		"nats://sical_query:x@a:4222":                              "sical_query",
		"nats://sical_query:x@a:4222, nats://sical_query:x@b:4222": "sical_query",
		"tls://sical-command:x%2Fy@a:4222":                         "sical-command",
		"nats://a:4222":                                            "",
		"nats://token@a:4222":                                      "",
		"nats://a.*:x@a:4222":                                      "",
		"a:4222":                                                   "",
		"":                                                         "",
	} {
		require.Equal(t, want, natsUser(urls), urls)
	}
}
