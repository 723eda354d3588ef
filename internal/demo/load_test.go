package demo

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/dispatch"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/importer"
	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrated(adminURL string) error {
	_, err := postgres.Migrate(context.Background(), adminURL)
	return err
}

// world is a log of the test's own.
type world struct {
	t          *testing.T
	log        *eventlog.Log
	dispatcher *dispatch.Dispatcher
}

func newWorld(t *testing.T) *world {
	t.Helper()
	pool, err := postgres.Open(t.Context(), testkit.Database(t, migrated).URL(postgres.RoleCommand), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	v, err := vault.New(pool, bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	log := eventlog.Open(eventlog.Config{
		Pool: pool, Vault: v, Logger: slog.New(slog.DiscardHandler), Meter: telemetry.NewLog(prometheus.NewRegistry()),
	})
	t.Cleanup(log.Close)
	return &world{t, log, dispatch.New(log, v)}
}

// load loads the demo and returns what came of it, and the log's last position.
func (w *world) load(now time.Time) (*importer.Counts, uint64) {
	w.t.Helper()
	var counts importer.Counts
	told := Commands(now, func(what string, err error) { assert.NoError(w.t, err, what) })
	require.NoError(w.t, importer.Run(w.t.Context(), w.dispatcher, told, &counts))
	head, err := w.log.Head(w.t.Context())
	require.NoError(w.t, err)
	return &counts, head
}

func TestTheDecidersTakeTheWholeDemoOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := int64(len(tell(noon)))

	first, head := w.load(noon)
	assert.Equal(t, all, first.Done.Load())
	assert.Zero(t, first.Known.Load())
	assert.GreaterOrEqual(t, head, uint64(all), "every command changes something")

	again, after := w.load(noon.AddDate(0, 1, 3))
	assert.Equal(t, all, again.Known.Load(), "also on another day")
	assert.Zero(t, again.Done.Load())
	assert.Equal(t, head, after)
}

// TestAnInterruptedLoadIsTakenUp: what is missing is added, also on another day.
func TestAnInterruptedLoadIsTakenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const part = 700
	var begun importer.Counts
	require.NoError(t, importer.Run(t.Context(), w.dispatcher, func(yield func(importer.Item, error) bool) {
		n := 0
		for item, err := range Commands(noon, func(what string, err error) { assert.NoError(t, err, what) }) {
			if n++; n > part || !yield(item, err) {
				return
			}
		}
	}, &begun))
	require.EqualValues(t, part, begun.Done.Load())

	rest, _ := w.load(noon.AddDate(0, 0, 1))
	assert.EqualValues(t, part, rest.Known.Load())
	assert.EqualValues(t, len(tell(noon))-part, rest.Done.Load())
}
