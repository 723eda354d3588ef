package testkit

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/internal/embedded"
)

// Bus is a NATS server with JetStream of one test.
type Bus struct {
	// URL holds the credential. It stays the same when the server is started again.
	URL    string
	t      testing.TB
	dir    string
	port   int
	store  int64
	server *embedded.NATS
}

// NATS starts a server for this test; it ends with it.
func NATS(t testing.TB) *Bus {
	t.Helper()
	return SmallNATS(t, 0)
}

// SmallNATS is NATS with room for so many bytes of streams; 0 for no limit.
func SmallNATS(t testing.TB, store int64) *Bus {
	t.Helper()
	dir, err := os.MkdirTemp("", "sical-nats-")
	if err != nil {
		t.Fatal(err)
	}
	b := &Bus{t: t, dir: dir, port: Port(t), store: store}
	t.Cleanup(func() {
		b.Stop()
		// A server that has shut down may still be at the files of a batch, for some milliseconds.
		if err := poll(patience, func() error { return os.RemoveAll(dir) }); err != nil {
			t.Error(err)
		}
	})
	b.Start()
	return b
}

// Start starts a stopped server again, on the same store and port.
func (b *Bus) Start() {
	b.t.Helper()
	server, err := embedded.StartNATS(embedded.NATSOptions{
		Dir:      b.dir,
		Port:     b.port,
		Unsynced: true,
		MaxStore: b.store,
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.server, b.URL = server, server.URL
}

// Stop stops the server and keeps its store.
func (b *Bus) Stop() {
	if b.server != nil {
		b.server.Close()
		b.server = nil
	}
}

// Fill leaves no room for any stream until free is called.
func (b *Bus) Fill() (free func()) {
	b.t.Helper()
	js := JetStream(b.t, b.Connect())
	if _, err := js.CreateStream(b.t.Context(), jetstream.StreamConfig{Name: "FILL", Subjects: []string{"fill"}}); err != nil {
		b.t.Fatal(err)
	}
	for data := make([]byte, 64<<10); ; {
		_, err := js.Publish(b.t.Context(), "fill", data)
		var refused *jetstream.APIError
		if errors.As(err, &refused) {
			break
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return func() {
		if err := js.DeleteStream(b.t.Context(), "FILL"); err != nil {
			b.t.Fatal(err)
		}
	}
}

// Address is host and port of the server, a target for Proxy.
func (b *Bus) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)) }

// Connect returns a connection that is closed when the test ends.
func (b *Bus) Connect(options ...nats.Option) *nats.Conn {
	b.t.Helper()
	conn, err := nats.Connect(b.URL, append([]nats.Option{nats.Timeout(patience)}, options...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(conn.Close)
	return conn
}

// Reading counts the consumers of a stream at which somebody waits: one may outlive its reader, or
// not have reached it yet.
func Reading(ctx context.Context, stream jetstream.Stream) (n int, err error) {
	consumers := stream.ListConsumers(ctx)
	for consumer := range consumers.Info() {
		n += min(consumer.NumWaiting, 1)
	}
	return n, consumers.Err()
}

// JetStream is that of a connection, for contexts without an end: each call has as long as a busy
// machine may take, instead of five seconds. What is to notice that NATS is gone needs one of its own.
func JetStream(t testing.TB, conn *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	return js
}
