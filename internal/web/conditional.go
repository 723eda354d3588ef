package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2" // client_golang brings it already; a ninth of the time of SHA-256
)

// ETag is the strong entity tag of a representation: `"<version>.<digest>"`. The
// version stands for the aggregate and serves in If-Match, the digest (XXH64, the same in
// every process) for the very bytes. Two that have the same can be made, by who may change
// what a tag is of; all it gets them is that others are shown the one for the other.
func ETag(version uint64, body []byte) string {
	tag := make([]byte, 0, 40)
	tag = append(tag, '"')
	tag = strconv.AppendUint(tag, version, 10)
	tag = append(tag, '.')
	tag = strconv.AppendUint(tag, xxhash.Sum64(body), 36)
	return string(append(tag, '"'))
}

// NotModified says whether an If-None-Match header (all its lines) names etag, so
// that a GET is answered 304, with the tag that CodedETag gives. Comparison is weak
// (RFC 9110, 13.1.2), and a tag given for a compressed answer counts as the tag of the
// answer itself.
func NotModified(header []string, etag string) bool {
	want := opaque(etag)
	for _, line := range header {
		if strings.TrimSpace(line) == "*" {
			return true
		}
		for rest := line; rest != ""; {
			var tag string
			if tag, rest = nextTag(rest); tag != "" && plainTag(opaque(tag)) == want {
				return true
			}
		}
	}
	return false
}

// CodedETag is the tag that an answer of so many bytes has once it is compressed as the
// client likes best, or not: a 304 has the one that a 200 would have (RFC 9110, 15.4.5).
func CodedETag(r *http.Request, etag string, size int) string {
	if size < CompressFrom {
		return etag
	}
	if coding := Coding(r); coding != "" {
		return codedTag(etag, coding)
	}
	return etag
}

// ParseIfMatch reads an If-Match header (all its lines): absent, `*` (any version,
// as long as there is one), or the version in an entity tag of ours. A tag that
// can never match, being weak or not ours, is a `version_mismatch` problem, and
// what is no entity tag, or names two versions, an `invalid_header`.
func ParseIfMatch(header []string) (version uint64, any, present bool, err error) {
	if len(header) == 0 {
		return 0, false, false, nil
	}
	line := strings.TrimSpace(strings.Join(header, ","))
	if line == "*" {
		return 0, true, true, nil
	}
	found := false
	for rest := line; rest != ""; {
		var tag string
		tag, rest = nextTag(rest)
		if tag == "" {
			return 0, false, true, ifMatchProblem("expected an entity tag in quotes, or *")
		}
		v, ours := versionOf(tag)
		switch {
		case !ours:
			continue
		case found && v != version:
			return 0, false, true, ifMatchProblem("one version at a time")
		}
		version, found = v, true
	}
	if !found {
		return 0, false, true, NewProblem(VersionMismatch, "If-Match names no version of this.")
	}
	return version, false, true, nil
}

func ifMatchProblem(detail string) *Problem {
	return NewProblem(InvalidHeader, "", FieldError{Header: "If-Match", Code: string(InvalidHeader), Detail: detail})
}

// versionOf is the version in a strong tag made by ETag, or bare: `"17"`.
func versionOf(tag string) (version uint64, ok bool) {
	if strings.HasPrefix(tag, "W/") {
		return 0, false
	}
	digits, _, _ := strings.Cut(opaque(tag), ".")
	version, err := strconv.ParseUint(digits, 10, 64)
	return version, err == nil && strconv.FormatUint(version, 10) == digits
}

// nextTag takes one entity tag off a list; tag is empty where there is none, and
// then nothing of the list is left.
func nextTag(list string) (tag, rest string) {
	list = strings.TrimLeft(list, " \t,")
	start := 0
	if strings.HasPrefix(list, "W/") {
		start = 2
	}
	if len(list) <= start || list[start] != '"' {
		return "", ""
	}
	end := strings.IndexByte(list[start+1:], '"')
	if end < 0 {
		return "", ""
	}
	end += start + 2
	rest = strings.TrimLeft(list[end:], " \t")
	if rest != "" && rest[0] != ',' {
		return "", ""
	}
	return list[:end], strings.TrimLeft(rest, " \t,")
}

// opaque is what stands in a tag's quotes.
func opaque(tag string) string {
	return strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
}

// plainTag takes the mark of a content coding off an opaque tag.
func plainTag(tag string) string {
	for _, coding := range []string{codingGzip, codingZstd} {
		if plain, ok := strings.CutSuffix(tag, "-"+coding); ok {
			return plain
		}
	}
	return tag
}

// codedTag marks a tag as that of the coded answer: an entity tag names bytes.
func codedTag(tag, coding string) string {
	if body, ok := strings.CutSuffix(tag, `"`); ok {
		return body + "-" + coding + `"`
	}
	return tag
}
