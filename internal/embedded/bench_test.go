package embedded

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkStart times a start until Postgres and NATS take connections.
func BenchmarkStart(b *testing.B) {
	start := func(b *testing.B, dir string) {
		i, err := Start(b.Context(), Options{DataDir: dir, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(b, err)
		b.StopTimer()
		require.NoError(b, i.Close(b.Context()))
		b.StartTimer()
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			start(b, folder(b, nil))
		}
	})
	b.Run("warm", func(b *testing.B) {
		dir := folder(b, nil)
		start(b, dir)
		for b.Loop() {
			start(b, dir)
		}
	})
}
