package bus

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// stuck dials once, and keeps every further try until it is let go.
type stuck struct {
	first  chan struct{}
	tried  chan struct{}
	letGo  chan struct{}
	dialer net.Dialer
}

func (s *stuck) Dial(network, address string) (net.Conn, error) {
	select {
	case <-s.first:
	default:
		select {
		case s.tried <- struct{}{}:
		default:
		}
		<-s.letGo
	}
	return s.dialer.Dial(network, address)
}

// TestLinkKeepsNobodyWaiting asks a link and publishes on it while its connection is dialled
// anew, which takes as long as the network likes.
func TestLinkKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	b := testkit.NATS(t)
	proxy := testkit.Proxy(t, b.Address())
	dialer := &stuck{first: make(chan struct{}, 1), tried: make(chan struct{}, 1), letGo: make(chan struct{})}
	dialer.first <- struct{}{}
	lost := make(chan error, 1)
	l, err := Connect(strings.Replace(b.URL, b.Address(), proxy.Address, 1), nats.MaxReconnects(-1), nats.SetCustomDialer(dialer),
		nats.CustomReconnectDelay(func(int) (none time.Duration) { return none }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { lost <- err }))
	require.NoError(t, err)
	t.Cleanup(l.Close)
	heard := make(chan *nats.Msg, 2*lettersLength)
	listening := b.Connect()
	_, err = listening.ChanSubscribe("news", heard)
	require.NoError(t, err)
	require.NoError(t, listening.Flush())
	testkit.Eventually(t, func() error {
		if !l.IsConnected() {
			return errors.New("not connected")
		}
		return nil
	})
	require.NoError(t, l.Publish("news", []byte("before")))
	require.Equal(t, "before", string(testkit.Receive(t, heard).Data))

	proxy.Cut()
	testkit.Receive(t, lost)
	testkit.Receive(t, dialer.tried) // and holds the lock of the connection
	asked := make(chan error, 1)
	go func() {
		var err error
		for err == nil { // until there is no more room
			err = l.Publish("news", []byte("meanwhile"))
		}
		if l.IsConnected() {
			err = errors.New("it says that it is connected")
		}
		asked <- err
	}()
	require.ErrorIs(t, testkit.Receive(t, asked), ErrBusy)
	close(dialer.letGo)
	for range lettersLength {
		require.Equal(t, "meanwhile", string(testkit.Receive(t, heard).Data))
	}
	testkit.Eventually(t, func() error {
		if !l.IsConnected() || l.Reconnects() != 1 {
			return errors.New("not connected")
		}
		return nil
	})
}

// TestLinkSendsWhatWaitsAtItsEnd: who ends has told what there was to tell.
func TestLinkSendsWhatWaitsAtItsEnd(t *testing.T) {
	t.Parallel()
	b := testkit.NATS(t)
	l, err := Connect(b.URL)
	require.NoError(t, err)
	testkit.Eventually(t, func() error {
		if !l.IsConnected() {
			return errors.New("not connected")
		}
		return nil
	})
	heard := make(chan *nats.Msg, lettersLength)
	listening := b.Connect()
	_, err = listening.ChanSubscribe("news", heard)
	require.NoError(t, err)
	require.NoError(t, listening.Flush())
	for range lettersLength / 2 {
		require.NoError(t, l.Publish("news", nil))
	}
	l.Close()
	for range lettersLength / 2 {
		testkit.Receive(t, heard)
	}
}
