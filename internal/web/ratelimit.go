package web

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

// limits applies one Limiter to the requests of each principal: by user for those
// with a token, by address for the others. Bad tokens are counted by address too,
// but apart: an anonymous flood from a shared address does not shut out the users
// behind it. Beyond the rate a flood of bad tokens does, but for those whose token
// is known: telling others from bad ones is what costs (a signature check).
type limits struct {
	*Limiter
	policy []string
}

// The kinds of keys share one table; the first byte keeps them apart.
const (
	keyUser     = 'u'
	keyAddress  = 'a'
	keyBadToken = 't'
)

// newLimits is nil, limiting nothing, for a rate of 0.
func newLimits(perSecond, burst int, now time.Time) *limits {
	if perSecond <= 0 {
		return nil
	}
	window := max((burst+perSecond-1)/perSecond, 1)
	policy := `"default";q=` + strconv.Itoa(burst) + `;w=` + strconv.Itoa(window)
	return &limits{Limiter: NewLimiter(perSecond, burst, now), policy: []string{policy}}
}

// admit counts n requests of an authenticated or anonymous principal and tells it how it
// stands (draft-ietf-httpapi-ratelimit-headers).
func (l *limits) admit(c echo.Context, n int, now time.Time) error {
	if l == nil {
		return nil
	}
	var buf [20]byte
	key := buf[:0]
	if p, ok := PrincipalOf(c); ok {
		key = append(append(key, keyUser), p.UserID[:]...)
	} else {
		key = addressKey(key, keyAddress, c.RealIP())
	}
	verdict := l.AllowN(key, n, now)
	h := c.Response().Header()
	h["Ratelimit-Policy"] = l.policy
	h["Ratelimit"] = []string{rateLimitField(verdict)}
	return l.refusal(verdict)
}

// Charge counts a request that brings the work of many as n more, up to all that its
// principal may make at once. It fails with a `too_many_requests` problem where they have
// fewer left; none are taken then.
func Charge(c echo.Context, n int) error {
	r, ok := c.(*request)
	if !ok || r.limits == nil {
		return nil
	}
	if n = min(n, int(r.limits.burst)-1); n < 1 { // itself was one
		return nil
	}
	return r.limits.admit(c, n, r.begun)
}

// beforeToken refuses to look at yet another token from an address that has sent
// too many bad ones.
func (l *limits) beforeToken(address string, now time.Time) error {
	if l == nil {
		return nil
	}
	var buf [20]byte
	return l.refusal(l.Check(addressKey(buf[:0], keyBadToken, address), now))
}

func (l *limits) badToken(address string, now time.Time) {
	if l == nil {
		return
	}
	var buf [20]byte
	l.Allow(addressKey(buf[:0], keyBadToken, address), now)
}

func (l *limits) refusal(v Verdict) error {
	if v.Allowed {
		return nil
	}
	return &Problem{Code: TooManyRequests, RetryAfter: v.RetryAfter}
}

func rateLimitField(v Verdict) string {
	var buf [48]byte
	b := append(buf[:0], `"default";r=`...)
	b = strconv.AppendInt(b, int64(v.Remaining), 10)
	b = append(b, `;t=`...)
	b = strconv.AppendInt(b, int64((v.Whole+time.Second-1)/time.Second), 10)
	return string(b)
}

// addressKey counts an IPv6 network of 64 bits as one: a single host has as many
// addresses in it as it likes.
func addressKey(dst []byte, kind byte, address string) []byte {
	dst = append(dst, kind)
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return dst // a unix socket: all its clients are one
	}
	if ip = ip.Unmap(); ip.Is4() {
		v4 := ip.As4()
		return append(dst, v4[:]...)
	}
	v6 := ip.As16()
	return append(dst, v6[:8]...)
}
