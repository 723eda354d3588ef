package main

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// What NATS drops is a line of the log like any other; a ring of the bell that the one
// before has made needless is none.
func TestErrorsOfNATSAreLogged(t *testing.T) {
	t.Parallel()
	var logged journal
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
