package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOutside(t *testing.T) {
	t.Parallel()
	inside := `0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8
		192.0.2.1 192.168.1.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
		:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1
		fe80::1 fe80::1%eth0 2606:4700::1%eth0 fc00::1 fd12:3456::1 fec0::1 ff02::1 2001::1 2001:db8::1 2002:7f00:1::1 100::1`
	for _, text := range strings.Fields(inside) {
		require.False(t, Outside(netip.MustParseAddr(text), nil), text)
	}
	for _, text := range strings.Fields("1.1.1.1 8.8.8.8 172.15.0.1 172.32.0.1 100.63.0.1 ::ffff:8.8.8.8 2606:4700::1111 2a00:1450::1") {
		require.True(t, Outside(netip.MustParseAddr(text), nil), text)
	}
	allowed := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	require.True(t, Outside(netip.MustParseAddr("10.1.2.3"), allowed))
	require.True(t, Outside(netip.MustParseAddr("::ffff:10.1.2.3"), allowed))
	require.False(t, Outside(netip.MustParseAddr("10.2.0.1"), allowed))
}

// Whatever a name or an odd spelling resolves to is judged when it is connected to.
func TestOutsideClientReachesNothingInside(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	client := NewOutsideClient(nil)
	defer client.CloseIdleConnections()
	var asking sync.WaitGroup // at once: some are names, and who has no DNS waits long for each
	for _, host := range []string{"127.0.0.1", "localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::]"} {
		for _, scheme := range []string{"http://", "https://"} {
			asking.Go(func() {
				answer, err := client.Get(scheme + host + port + "/")
				assert.Error(t, err, host)
				assert.Nil(t, answer)
			})
		}
	}
	asking.Wait()
	require.Zero(t, reached.Load())
	_, err := client.Get("http://127.0.0.1" + port)
	require.True(t, errors.As(err, new(AddressError)), "%v", err)
}

func TestOutsideClientFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	defer server.Close()
	client := NewOutsideClient([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	defer client.CloseIdleConnections()
	answer, err := client.Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusTemporaryRedirect, answer.StatusCode)
}
