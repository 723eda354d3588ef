package bus

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Who joins a stream leaves what it keeps to whoever made it, and has it take what is written.
func TestJoinStream(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ctx := ctxOf(t)
	mine := jetstream.StreamConfig{Name: testStream, Subjects: []string{"test.>"}, MaxBytes: 1 << 20, MaxAge: time.Minute, Replicas: 3}
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{ // as an older release may have made it
		Name: testStream, Subjects: []string{"old.>"}, MaxBytes: 8 << 20, MaxAge: time.Hour, Description: "another's",
	})
	require.NoError(t, err)
	updates, err := js.Conn().SubscribeSync("$JS.API.STREAM.UPDATE." + testStream)
	require.NoError(t, err)
	stream, err := JoinStream(ctx, js, mine, 500)
	require.NoError(t, err)
	_, err = updates.NextMsgWithContext(ctx)
	require.NoError(t, err)
	cfg := stream.CachedInfo().Config
	require.Equal(t, []string{"test.>"}, cfg.Subjects)
	require.True(t, cfg.AllowAtomicPublish && cfg.DenyDelete)
	require.Equal(t, int64(8<<20), cfg.MaxBytes)
	require.Equal(t, time.Hour, cfg.MaxAge)
	require.Equal(t, 1, cfg.Replicas)
	require.Equal(t, "another's", cfg.Description)

	// One that lacks nothing is not touched: its owner may be changing it just then.
	again, err := JoinStream(ctx, js, mine, 500)
	require.NoError(t, err)
	require.Equal(t, cfg, again.CachedInfo().Config)
	require.NoError(t, js.Conn().FlushWithContext(ctx))
	pending, _, err := updates.Pending()
	require.NoError(t, err)
	require.Zero(t, pending)

	require.NoError(t, js.DeleteStream(ctx, testStream))
	mine.Replicas = 1
	stream, err = JoinStream(ctx, js, mine, 500)
	require.NoError(t, err)
	cfg = stream.CachedInfo().Config
	require.Equal(t, int64(1<<20), cfg.MaxBytes)
	require.Equal(t, time.Minute, cfg.MaxAge)
	require.Equal(t, uint64(500), cfg.FirstSeq)
}
