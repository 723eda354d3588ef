package web

import (
	"strconv"
	"strings"
)

// The content codings answers are compressed with (RFC 9110, RFC 8878).
const (
	codingGzip = "gzip"
	codingZstd = "zstd"
)

// negotiate picks the coding the client likes best from its Accept-Encoding
// lines; empty means none. Of equals zstd wins: in like time it makes our JSON up to
// a tenth smaller. A mere `*` gets gzip, which everyone reads.
func negotiate(header []string) string {
	if len(header) == 0 {
		return ""
	}
	zstd, gzip, identity, other := -1.0, -1.0, -1.0, -1.0
	for _, line := range header {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			q := quality(params)
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, codingZstd):
				zstd = q
			case strings.EqualFold(name, codingGzip), strings.EqualFold(name, "x-gzip"):
				gzip = q
			case strings.EqualFold(name, "identity"):
				identity = q
			case name == "*":
				other = q
			}
		}
	}
	if gzip < 0 {
		gzip = other
	}
	switch {
	case zstd > 0 && zstd >= gzip && zstd >= identity:
		return codingZstd
	case gzip > 0 && gzip >= identity:
		return codingGzip
	}
	return ""
}

// quality reads `q=0.5`; 1 if there is none, 0 (not wanted) if it is no quality.
func quality(params string) float64 {
	params = strings.TrimSpace(params)
	if params == "" {
		return 1
	}
	value, ok := strings.CutPrefix(strings.ToLower(params), "q=")
	q, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// compressible says whether bytes of this media type get smaller. Server-sent
// events do, but are held back by a compressor's buffer.
func compressible(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch media {
	case "application/json", "application/javascript", "application/x-ndjson", "image/svg+xml":
		return true
	case "text/event-stream":
		return false
	}
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+json")
}
