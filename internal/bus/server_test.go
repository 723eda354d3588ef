package bus

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/testkit/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// broker is a JetStream server of one test, on loopback, which can be stopped
// and started again on the same port and store.
type broker struct {
	opts   server.Options
	server *server.Server
}

func newBroker(tb testing.TB) *broker {
	tb.Helper()
	b := &broker{opts: server.Options{
		Host: "127.0.0.1", Port: testkit.Port(tb), JetStream: true, StoreDir: tb.TempDir(),
		SyncAlways: true, NoLog: true, NoSigs: true,
	}}
	b.start(tb)
	tb.Cleanup(b.stop)
	return b
}

func (b *broker) start(tb testing.TB) {
	tb.Helper()
	opts := b.opts // the server writes into its options
	var err error
	b.server, err = server.NewServer(&opts)
	require.NoError(tb, err)
	b.server.Start()
	require.True(tb, b.server.ReadyForConnections(time.Minute))
}

func (b *broker) stop() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

func (b *broker) connect(tb testing.TB, opts ...nats.Option) jetstream.JetStream {
	tb.Helper()
	opts = append([]nats.Option{
		nats.Timeout(time.Minute), nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // broken connections are the plan
	}, opts...)
	url := "nats://127.0.0.1:" + strconv.Itoa(b.opts.Port)
	closed := make(chan struct{})
	nc, err := nats.Connect(url, append(opts, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		nc.Close()
		<-closed
	})
	js, err := jetstream.New(nc)
	require.NoError(tb, err)
	return js
}

// publisher waits for an acknowledgement, of messages that are synced, as long as a busy
// machine may take.
func publisher(tb testing.TB, js jetstream.JetStream) *SequencedPublisher {
	tb.Helper()
	return NewSequencedPublisher(testkit.JetStream(tb, js.Conn()), testStream)
}

// impatient shortens what a lost acknowledgement costs a test of restarts.
func impatient(tb testing.TB, js jetstream.JetStream) jetstream.JetStream {
	tb.Helper()
	js, err := jetstream.New(js.Conn(), jetstream.WithDefaultTimeout(time.Second))
	require.NoError(tb, err)
	return js
}

const (
	testStream  = "TEST"
	testSubject = "test.x"
)

func ensure(tb testing.TB, js jetstream.JetStream, firstSeq uint64) jetstream.Stream {
	tb.Helper()
	stream, err := EnsureStream(ctxOf(tb), js, jetstream.StreamConfig{Name: testStream, Subjects: []string{"test.>"}}, firstSeq)
	require.NoError(tb, err)
	return stream
}

// ctxOf bounds a test: what hangs fails with a line number instead of a dump.
func ctxOf(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	tb.Cleanup(cancel)
	return ctx
}

// outgoing makes n messages whose ids and data count from first.
func outgoing(first, n int) []*Message {
	msgs := make([]*Message, n)
	for i := range msgs {
		id := strconv.Itoa(first + i)
		msgs[i] = &Message{Subject: testSubject, ID: id, Header: nats.Header{"ce-type": {"x"}}, Data: []byte(id)}
	}
	return msgs
}
