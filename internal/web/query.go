package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxIDs bounds a list of ids in a query: all of them fit a URL.
const maxIDs = 100

// Query reads the parameters of a query strictly: each at most once, none beside
// the named ones, none empty. Its getters return the zero value or the given
// default for what is absent or wrong; Err tells of everything wrong at once.
type Query struct {
	values map[string]string
	errs   []FieldError
}

// ReadQuery takes the query of u, in which only the allowed names may stand.
func ReadQuery(u *url.URL, allowed ...string) *Query {
	q := &Query{}
	if u.RawQuery == "" {
		return q
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		q.fail(misencoded(u.RawQuery), "is not correctly encoded")
	}
	q.values = make(map[string]string, len(values))
	for name, given := range values {
		switch {
		case !utf8.ValidString(name) || !slices.Contains(allowed, name):
			q.fail(strings.ToValidUTF8(name, "\ufffd"), "is not known here")
		case len(given) > 1:
			q.fail(name, "appears more than once")
		case given[0] == "":
			q.fail(name, "must not be empty")
		case !utf8.ValidString(given[0]) || strings.ContainsRune(given[0], 0):
			q.fail(name, "must be UTF-8 without U+0000")
		default:
			q.values[name] = given[0]
		}
	}
	slices.SortFunc(q.errs, func(a, b FieldError) int { return strings.Compare(a.Parameter, b.Parameter) })
	return q
}

// misencoded is the name of the first parameter that cannot be decoded, itself decoded
// where that is possible.
func misencoded(raw string) string {
	for part := range strings.SplitSeq(raw, "&") {
		if _, err := url.ParseQuery(part); err != nil {
			name, _, _ := strings.Cut(part, "=")
			if decoded, err := url.QueryUnescape(name); err == nil {
				name = decoded
			}
			return strings.ToValidUTF8(name, "\ufffd")
		}
	}
	return ""
}

func (q *Query) fail(name, detail string) {
	if name == "" {
		name = "(empty)" // a problem names something
	}
	q.errs = append(q.errs, FieldError{Parameter: name, Code: string(InvalidParameter), Detail: detail})
}

// Err is nil or an `invalid_parameter` problem with everything that was wrong.
func (q *Query) Err() error {
	if len(q.errs) == 0 {
		return nil
	}
	return NewProblem(InvalidParameter, "", q.errs...)
}

// Has says whether the parameter is there and readable.
func (q *Query) Has(name string) bool {
	_, ok := q.values[name]
	return ok
}

// Text is a text of at most limit characters.
func (q *Query) Text(name string, limit int) string {
	value := q.values[name]
	if utf8.RuneCountInString(value) > limit {
		q.fail(name, fmt.Sprintf("at most %d characters", limit))
		return ""
	}
	return value
}

// Int is a decimal integer from low to high.
func (q *Query) Int(name string, low, high, fallback int) int {
	value, ok := q.values[name]
	if !ok {
		return fallback
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high || value[0] == '+' {
		q.fail(name, fmt.Sprintf("expected an integer from %d to %d", low, high))
		return fallback
	}
	return n
}

// Bool is true or false.
func (q *Query) Bool(name string) bool {
	return q.Enum(name, "false", "true", "false") == "true"
}

// Enum is one of the choices.
func (q *Query) Enum(name, fallback string, choices ...string) string {
	value, ok := q.values[name]
	if !ok {
		return fallback
	}
	if !slices.Contains(choices, value) {
		q.fail(name, "expected one of: "+strings.Join(choices, ", "))
		return fallback
	}
	return value
}

// UUID is a UUID in its canonical form.
func (q *Query) UUID(name string) uuid.UUID {
	value, ok := q.values[name]
	if !ok {
		return uuid.UUID{}
	}
	id, ok := ParseID(value)
	if !ok {
		q.fail(name, "expected a UUID")
	}
	return id
}

// UUIDs is a list of at most 100 UUIDs, separated by commas.
func (q *Query) UUIDs(name string) []uuid.UUID {
	value, ok := q.values[name]
	if !ok {
		return nil
	}
	parts := strings.SplitN(value, ",", maxIDs+1)
	if len(parts) > maxIDs {
		q.fail(name, fmt.Sprintf("at most %d ids", maxIDs))
		return nil
	}
	ids := make([]uuid.UUID, 0, len(parts))
	for _, part := range parts {
		id, ok := ParseID(part)
		if !ok {
			q.fail(name, "expected UUIDs separated by commas")
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

// Date is a day as YYYY-MM-DD, at midnight UTC.
func (q *Query) Date(name string) time.Time {
	value, ok := q.values[name]
	if !ok {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, value)
	if err != nil || day.Year() < 1 { // which Postgres does not know
		q.fail(name, "expected a date as YYYY-MM-DD")
		return time.Time{}
	}
	return day
}

// Instant is a point in time as RFC 3339 writes it, in UTC.
func (q *Query) Instant(name string) time.Time {
	value, ok := q.values[name]
	if !ok {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		q.fail(name, "expected an instant as RFC 3339 writes it")
		return time.Time{}
	}
	return at.UTC()
}
