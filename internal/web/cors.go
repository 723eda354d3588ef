package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// cors answers for the origins on its list, compared byte by byte (Fetch standard,
// 3.2). Tokens travel in a header that scripts set themselves, so credentials
// (cookies) are never allowed.
type cors struct {
	origins                          map[string]struct{}
	expose, methods, headers, maxAge []string
}

func newCORS(origins []string) (*cors, error) {
	c := &cors{
		origins: make(map[string]struct{}, len(origins)),
		expose: []string{"ETag, Location, Link, Sical-Position, Sical-Parked, RateLimit, RateLimit-Policy, " +
			"Retry-After, X-Request-ID, traceparent, Idempotent-Replayed"},
		methods: []string{"GET, HEAD, POST, PUT, PATCH, DELETE"},
		headers: []string{"Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, Prefer, " +
			"Sical-Min-Position, X-Request-ID, traceparent"},
		maxAge: []string{"3600"},
	}
	for _, origin := range origins {
		if err := CheckOrigin(origin); err != nil {
			return nil, err
		}
		c.origins[origin] = struct{}{}
	}
	return c, nil
}

// CheckOrigin refuses what no browser sends as an origin.
func CheckOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || strings.ToLower(u.Scheme+"://"+u.Host) != origin {
		return fmt.Errorf("%q is no origin such as https://app.example.org, in lower case, as browsers send it", origin)
	}
	return nil
}

// set marks an answer as readable by the request's origin, if it is on the list.
func (c *cors) set(r *http.Request, h http.Header) (allowed bool) {
	origin := r.Header["Origin"]
	if len(origin) != 1 {
		return false
	}
	if _, allowed = c.origins[origin[0]]; allowed {
		h["Access-Control-Allow-Origin"] = origin
		h["Access-Control-Expose-Headers"] = c.expose
	}
	return allowed
}

// preflight says whether a browser asks before it sends the request itself.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

func (c *cors) answerPreflight(h http.Header) {
	h["Access-Control-Allow-Methods"] = c.methods
	h["Access-Control-Allow-Headers"] = c.headers
	h["Access-Control-Max-Age"] = c.maxAge
}
