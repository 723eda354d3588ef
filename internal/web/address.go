package web

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/labstack/echo/v4"
)

// clientAddress is the peer itself, or what trusted proxies say of it: anyone else's
// X-Forwarded-For is only a claim. The first such claim is told in the log, as it may be
// that of a proxy that should be trusted: all who come through it count as one client.
func clientAddress(proxies []string, logger *slog.Logger) (echo.IPExtractor, error) {
	direct := echo.ExtractIPDirect()
	extract := direct
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	var trusted []*net.IPNet
	for _, proxy := range proxies {
		_, network, err := net.ParseCIDR(proxy)
		if err != nil {
			return nil, fmt.Errorf("trusted proxies: %w", err)
		}
		trusted, trust = append(trusted, network), append(trust, echo.TrustIPRange(network))
		extract = echo.ExtractIPFromXFFHeader(trust...)
	}
	var told atomic.Bool
	return func(r *http.Request) string {
		if len(r.Header[echo.HeaderXForwardedFor]) > 0 && !told.Load() {
			peer := direct(r)
			in := func(n *net.IPNet) bool { return n.Contains(net.ParseIP(peer)) }
			if !slices.ContainsFunc(trusted, in) && told.CompareAndSwap(false, true) {
				logger.Warn("X-Forwarded-For is not believed: it comes from none of --trusted-proxies, and all who come from there count as one client", "peer", peer)
			}
		}
		return extract(r)
	}, nil
}
