package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// What the stream keeps is said by who serves: tools that are run beside it, or after it,
// with flags of their own leave that as it is.
func TestToolsLeaveWhatTheStreamKeeps(t *testing.T) {
	t.Parallel()
	c := Config{
		DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL, MaxConns: 4,
		StreamMaxBytes: 50 << 20,
	}
	conn, err := nats.Connect(c.NATSURL, nats.Timeout(time.Minute))
	require.NoError(t, err)
	defer conn.Close()
	js := testkit.JetStream(t, conn)
	kept := func(c Config) error {
		stream, err := js.Stream(t.Context(), wire.Stream)
		if err != nil {
			return err
		}
		if found := stream.CachedInfo().Config; found.MaxBytes != c.StreamMaxBytes || found.MaxAge != c.StreamMaxAge {
			return fmt.Errorf("it keeps %d bytes for %v", found.MaxBytes, found.MaxAge)
		}
		return nil
	}

	var logged testkit.Log
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	s := serveOn(t, c, logger)
	other := c
	other.StreamMaxBytes, other.StreamMaxAge = 16<<20, time.Hour
	a := newApp(other, logger)
	t.Cleanup(a.Close)
	_, err = startImport(t.Context(), a, &output{&bytes.Buffer{}})
	require.NoError(t, err)
	s.account("ada")
	testkit.Eventually(t, func() error { // by then both relays have looked at the stream
		if !strings.Contains(logged.String(), "standing by") {
			return errors.New("both relays are at work")
		}
		return nil
	})
	require.NoError(t, kept(c), "beside an import")

	a.Close()
	s.app.Close()
	_, err = js.Publish(t.Context(), "sical.events.point", []byte(`{}`))
	require.NoError(t, err)
	var said bytes.Buffer
	require.NoError(t, (&ReconcileEvents{}).Run(t.Context(), tool(t, other), &output{&said}))
	require.Contains(t, said.String(), "The stream was made anew")
	require.NoError(t, kept(c), "made anew by a tool")

	_ = role(t, other, (*App).startCommand)
	testkit.Eventually(t, func() error { return kept(other) })
}
