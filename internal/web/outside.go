package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
)

// reserved are the networks that nobody outside is meant to be reached in, beside
// those that netip knows: from the IANA special-purpose address registries, and
// those that carry an IPv4 address on to elsewhere.
var reserved = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4",
	"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// AddressError is returned for an address that may not be connected to.
type AddressError struct{ Address string }

func (e AddressError) Error() string {
	return fmt.Sprintf("%s is not an address outside, and its network is not allowed", e.Address)
}

// Outside reports whether an address may be connected to on behalf of somebody
// else: one on the public internet, or in one of the allowed networks.
func Outside(ip netip.Addr, allowed []netip.Prefix) bool {
	ip = ip.Unmap()
	within := func(p netip.Prefix) bool { return p.Contains(ip) }
	if ip.Zone() != "" {
		return false
	}
	if slices.ContainsFunc(allowed, within) {
		return true
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !slices.ContainsFunc(reserved, within)
}

// NewOutsideClient is NewClient for addresses that others chose: it connects only
// Outside, follows no redirect and uses no proxy. Unencrypted it reaches allowed
// networks alone. What is judged is the very address that is connected to, after
// its name was resolved, so that a name that changes its mind gains nothing.
func NewOutsideClient(allowed []netip.Prefix) *http.Client {
	plain := func(address netip.Addr) bool {
		return slices.ContainsFunc(allowed, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
	}
	encrypted := func(address netip.Addr) bool { return Outside(address, allowed) }
	client := NewClient()
	client.Transport = byScheme{http: guarded(plain), https: guarded(encrypted)}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// guarded is NewClient's transport, connecting only where may says so.
func guarded(may func(netip.Addr) bool) *http.Transport {
	transport := NewClient().Transport.(*http.Transport)
	transport.Proxy = nil
	transport.MaxResponseHeaderBytes = 64 << 10 // a malformed answer becomes an error's text
	dialer := newDialer()
	dialer.Control = func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !may(to.Addr()) {
			return AddressError{address}
		}
		return nil
	}
	transport.DialContext = dialer.DialContext
	return transport
}

// byScheme keeps connections of the two schemes apart, as other addresses are
// open to each.
type byScheme struct{ http, https *http.Transport }

// RoundTrip sends the request by its scheme's transport.
func (t byScheme) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" {
		return t.https.RoundTrip(r)
	}
	return t.http.RoundTrip(r)
}

// CloseIdleConnections closes what http.Client.CloseIdleConnections asks for.
func (t byScheme) CloseIdleConnections() {
	t.http.CloseIdleConnections()
	t.https.CloseIdleConnections()
}

func newDialer() *net.Dialer { return &net.Dialer{Timeout: connecting, KeepAlive: keepAlive} }
