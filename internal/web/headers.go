package web

import "net/http"

// headers are the values every answer carries, made once: net/http only reads
// them, and Header.Set and Add replace a slice without writing into it.
type headers struct {
	nosniff, csp, referrer, vary []string
}

func newHeaders(origins int) headers {
	// A proxy must not answer with what someone else may see, nor with what is
	// older than the position asked for.
	vary := "Accept-Encoding, Authorization, Sical-Min-Position"
	if origins > 0 {
		vary += ", Origin"
	}
	return headers{
		nosniff:  []string{"nosniff"},
		csp:      []string{"default-src 'none'; frame-ancestors 'none'"},
		referrer: []string{"no-referrer"},
		vary:     []string{vary},
	}
}

// WithoutBody takes off what tells a client how to treat a body. An answer 304 has
// none: the client goes by what came with the body that it has (RFC 9110, 15.4.5).
func WithoutBody(h http.Header) {
	delete(h, "X-Content-Type-Options")
	delete(h, "Content-Security-Policy")
	delete(h, "Referrer-Policy")
}

// set goes before the handler, which may replace what does not suit it: a page
// needs a Content-Security-Policy of its own.
func (s *headers) set(h http.Header) {
	h["X-Content-Type-Options"] = s.nosniff
	h["Content-Security-Policy"] = s.csp
	h["Referrer-Policy"] = s.referrer
	h["Vary"] = s.vary
}
