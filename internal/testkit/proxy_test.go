package testkit

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo answers each line with itself until the test ends.
func echo(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { listener.Close() })
	return listener
}

func dial(t *testing.T, p *FaultyProxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// answered sends a line and waits for it to come back.
func answered(conn net.Conn, wait time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		return err
	}
	_, err := bufio.NewReader(conn).ReadString('\n')
	return err
}

// newAnswered is answered on a new connection, which may fail as early as its dial.
func newAnswered(p *FaultyProxy) error {
	conn, err := net.Dial("tcp", p.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	return answered(conn, patience)
}

func TestProxyBreaksWhatItIsTold(t *testing.T) {
	t.Parallel()
	sockets, err := os.MkdirTemp("/tmp", "echo-") // others may be longer than a socket's name
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(sockets) })
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(sockets, "echo")} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			p := Proxy(t, echo(t, network, address).Addr().String())
			old := dial(t, p)
			require.NoError(t, answered(old, patience))

			p.Refuse(true)
			require.Error(t, newAnswered(p))
			require.NoError(t, answered(old, patience), "those there go on")
			p.Refuse(false)

			p.Blackhole(true)
			require.ErrorIs(t, answered(old, 20*time.Millisecond), os.ErrDeadlineExceeded)
			require.ErrorIs(t, answered(dial(t, p), 20*time.Millisecond), os.ErrDeadlineExceeded)
			p.Blackhole(false)
			require.NoError(t, answered(old, patience), "what was held back flows on")

			p.Cut()
			require.Error(t, answered(old, patience))
			require.NoError(t, newAnswered(p), "new ones work")
		})
	}
}

func TestProxyOfAnAbsentServer(t *testing.T) {
	t.Parallel()
	require.Error(t, newAnswered(Proxy(t, filepath.Join(t.TempDir(), "nobody"))))
}

func TestProxyCarriesPostgres(t *testing.T) {
	t.Parallel()
	db := Database(t, withTable)
	p := Proxy(t, db.Socket())
	conn := connect(t, db.Through(p, "reader"))
	require.NoError(t, conn.Ping(t.Context()))
	p.Cut()
	require.Error(t, conn.Ping(t.Context()))
}
