package bus

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	lettersLength = 1024            // messages that wait to be sent
	writeTimeout  = 5 * time.Second // for a server that takes nothing
	pingEvery     = 5 * time.Second // two that are not answered end a connection
)

// ErrBusy is returned for a message that finds too many waiting to be sent. It is lost.
var ErrBusy = errors.New("bus: too many messages wait to be sent")

// Link is a connection to NATS for who must not wait for NATS. nats.go holds one lock while it
// dials anew, and while it writes to a server that takes nothing, for seconds each; all its
// functions wait for that lock. What a Link has of its own does not.
type Link struct {
	*nats.Conn

	up         atomic.Bool
	reconnects atomic.Uint64
	letters    chan letter
	closing    chan struct{}
	sending    sync.WaitGroup
}

// letter is a message of core NATS.
type letter struct {
	subject string
	data    []byte
}

// Connect opens a link as nats.Connect opens a connection, which says what it fails with. A
// server that has gone silent is noticed within fifteen seconds, unless options say otherwise.
func Connect(url string, options ...nats.Option) (*Link, error) {
	l := &Link{letters: make(chan letter, lettersLength), closing: make(chan struct{})}
	given := []nats.Option{nats.FlusherTimeout(writeTimeout), nats.ReconnectOnFlusherError(), nats.PingInterval(pingEvery)}
	conn, err := nats.Connect(url, append(append(given, options...), l.watch)...)
	if err != nil {
		return nil, err
	}
	l.Conn = conn
	l.sending.Go(l.send)
	return l, nil
}

// watch has the link told of its state, beside whoever else is. NATS tells one thing after
// the other.
func (l *Link) watch(o *nats.Options) error {
	connected, reconnected, lost := o.ConnectedCB, o.ReconnectedCB, o.DisconnectedErrCB
	o.ConnectedCB = func(c *nats.Conn) {
		l.up.Store(true)
		if connected != nil {
			connected(c)
		}
	}
	o.ReconnectedCB = func(c *nats.Conn) {
		l.up.Store(true)
		l.reconnects.Add(1)
		if reconnected != nil {
			reconnected(c)
		}
	}
	o.DisconnectedErrCB = func(c *nats.Conn, err error) {
		l.up.Store(false)
		if lost != nil {
			lost(c, err)
		}
	}
	return nil
}

// IsConnected tells whether the connection stands, as far as that was noticed.
func (l *Link) IsConnected() bool { return l.up.Load() }

// Reconnects tells how often it came back.
func (l *Link) Reconnects() uint64 { return l.reconnects.Load() }

// Publish has a message sent after those before it. The data must not be changed any more. It
// fails with ErrBusy; what becomes of the message is not told.
func (l *Link) Publish(subject string, data []byte) error {
	select {
	case l.letters <- letter{subject, data}:
		return nil
	default:
		return ErrBusy
	}
}

func (l *Link) send() {
	for {
		select {
		case m := <-l.letters:
			_ = l.Conn.Publish(m.subject, m.data) // who listens looks by themselves as well
		case <-l.closing:
			for l.up.Load() {
				select {
				case m := <-l.letters:
					_ = l.Conn.Publish(m.subject, m.data)
				default:
					return
				}
			}
			return
		}
	}
}

// Close ends the connection, once what waits was sent to a server that is there. What is
// published afterwards is lost.
func (l *Link) Close() {
	close(l.closing)
	l.sending.Wait()
	l.Conn.Close()
}
