package web

import (
	encoding "encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// target has a member of every kind the APIs take.
type target struct {
	Title string         `json:"title"`
	Note  *string        `json:"note"`
	Count int            `json:"count"`
	Small int8           `json:"small"`
	Size  uint32         `json:"size"`
	Score float64        `json:"score"`
	Done  bool           `json:"done"`
	ID    uuid.UUID      `json:"id"`
	IDs   []uuid.UUID    `json:"ids"`
	At    time.Time      `json:"at"`
	Tags  []string       `json:"tags"`
	Inner inner          `json:"inner"`
	Items []inner        `json:"items"`
	Data  jsontext.Value `json:"data"`
}

type inner struct {
	Name string `json:"name"`
	Rank int    `json:"rank"`
}

func problemFrom(t testing.TB, err error) *Problem {
	t.Helper()
	p, ok := errors.AsType[*Problem](err)
	require.Truef(t, ok, "not a problem: %v", err)
	return p
}

func TestDecodeStrictRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range mustReject() {
		var into target
		p := problemFrom(t, DecodeStrictBytes([]byte(c.doc), &into))
		assert.Equalf(t, c.code, p.Code, "%q: %v", c.doc, p)
		pointer := ""
		if len(p.Errors) > 0 {
			pointer = p.Errors[0].Pointer
		}
		assert.Equalf(t, c.pointer, pointer, "%q: %v", c.doc, p)
		for _, leak := range []string{"web.", "int8", "uint32", "float64", "uuid.UUID", "time.Time", "Go ", "json:"} {
			require.NotContainsf(t, p.Detail+detailOf(p), leak, "%q", c.doc)
		}
	}
}

func detailOf(p *Problem) string {
	var all strings.Builder
	for _, f := range p.Errors {
		all.WriteString(f.Detail)
	}
	return all.String()
}

func TestDecodeStrictTakes(t *testing.T) {
	t.Parallel()
	for _, doc := range mustAccept() {
		var into target
		assert.NoErrorf(t, DecodeStrictBytes([]byte(doc), &into), "%q", doc)
	}
}

func TestDecodeStrictFillsTheTarget(t *testing.T) {
	t.Parallel()
	var got target
	doc := `{"title":"学习 \u0041\ud83d\ude00","count":-7,"id":"0198c7a1-0000-7000-8000-00000000000a",` +
		`"inner":{"name":"a","rank":2},"data":{"x":null},"at":"2026-01-02T03:04:05Z"}`
	require.NoError(t, DecodeStrictBytes([]byte(doc), &got))
	require.Equal(t, "学习 A😀", got.Title)
	require.Equal(t, -7, got.Count)
	require.Equal(t, uuid.MustParse("0198c7a1-0000-7000-8000-00000000000a"), got.ID)
	require.Equal(t, inner{"a", 2}, got.Inner)
	require.Equal(t, `{"x":null}`, string(got.Data))
	require.True(t, got.At.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
}

// A member's own reading of its value may choose the words of the refusal.
type level string

func (l *level) UnmarshalText(b []byte) error {
	if string(b) != "easy" {
		return FieldError{Code: "unknown_level", Detail: "expected one of: easy"}
	}
	*l = level(b)
	return nil
}

func TestDecodeStrictOwnFieldError(t *testing.T) {
	t.Parallel()
	var into struct {
		Levels []level `json:"levels"`
	}
	p := problemFrom(t, DecodeStrictBytes([]byte(`{"levels":["easy","odd"]}`), &into))
	require.Equal(t, []FieldError{{Pointer: "/levels/1", Code: "unknown_level", Detail: "expected one of: easy"}}, p.Errors)
}

// share has a form of its own and says which.
type share int

func (s *share) UnmarshalJSON(b []byte) error { return errors.New("not for clients: " + string(b)) }
func (share) Expected() string                { return "expected a share of a hundred" }

func TestDecodeStrictSaysWhatIsExpected(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]FieldError{
		`{"share":0.001}`:      {Pointer: "/share", Code: "invalid_field", Detail: "expected a share of a hundred"},
		`{"share":"10"}`:       {Pointer: "/share", Code: "invalid_field", Detail: "expected a share of a hundred"},
		`{"shares":[true]}`:    {Pointer: "/shares/0", Code: "invalid_field", Detail: "expected a share of a hundred"},
		`{"due":"2027-02-30"}`: {Pointer: "/due", Code: "invalid_field", Detail: "expected a date as YYYY-MM-DD"},
		`{"due":20270230}`:     {Pointer: "/due", Code: "invalid_field", Detail: "expected a date as YYYY-MM-DD"},
	} {
		var into struct {
			Share  share        `json:"share"`
			Shares []*share     `json:"shares"`
			Due    *events.Date `json:"due"`
		}
		p := problemFrom(t, DecodeStrictBytes([]byte(doc), &into))
		require.Equal(t, []FieldError{want}, p.Errors, doc)
	}
	for _, doc := range []string{"", " \r\n\t"} {
		require.Equal(t, "The body is empty.", problemFrom(t, DecodeStrictBytes([]byte(doc), &target{})).Detail)
	}
	require.Equal(t, "The document ends too early.", problemFrom(t, DecodeStrictBytes([]byte(`{"title":`), &target{})).Detail)
}

func TestFieldErrorTellsOnePlace(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]FieldError{
		`{"pointer":"/a","code":"c","detail":"d"}`: {Pointer: "/a", Code: "c", Detail: "d"},
		`{"parameter":"q","code":"c"}`:             {Parameter: "q", Code: "c"},
		`{"header":"H","code":"c"}`:                {Header: "H", Code: "c"},
		`{"pointer":"","code":"c","detail":"d"}`:   {Code: "c", Detail: "d"},
	} {
		for _, marshal := range []func(any) ([]byte, error){
			encoding.Marshal, func(v any) ([]byte, error) { return json.Marshal(v) },
		} {
			b, err := marshal([]FieldError{f})
			require.NoError(t, err)
			require.Equal(t, "["+want+"]", string(b))
		}
	}
}

func TestDecodeStrictMediaAndSize(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, media, coding, body string
		chunked                   bool
		want                      Code
	}{
		{name: "plain", media: "application/json", body: `{}`},
		{name: "charset", media: "application/json; charset=UTF-8", body: `{}`},
		{name: "upper case type", media: "Application/JSON", body: `{}`},
		{name: "no type", body: `{}`, want: UnsupportedMediaType},
		{name: "form", media: "application/x-www-form-urlencoded", body: `a=b`, want: UnsupportedMediaType},
		{name: "xml", media: "application/xml", body: `<a/>`, want: UnsupportedMediaType},
		{name: "text", media: "text/plain", body: `{}`, want: UnsupportedMediaType},
		{name: "other charset", media: "application/json; charset=utf-16", body: `{}`, want: UnsupportedMediaType},
		{name: "other parameter", media: "application/json; profile=x", body: `{}`, want: UnsupportedMediaType},
		{name: "suffix", media: "application/merge-patch+json", body: `{}`, want: UnsupportedMediaType},
		{name: "two types", media: "application/json, text/plain", body: `{}`, want: UnsupportedMediaType},
		{name: "coded", media: "application/json", coding: "gzip", body: `{}`, want: UnsupportedMediaType},
		{name: "at the limit", media: "application/json", body: `{"title":"` + strings.Repeat("x", 52) + `"}`},
		{name: "beyond the limit", media: "application/json", body: `{"title":"` + strings.Repeat("x", 53) + `"}`, want: TooLarge},
		{name: "at the limit, chunked", media: "application/json", body: `{"title":"` + strings.Repeat("x", 52) + `"}`, chunked: true},
		{name: "beyond the limit, chunked", media: "application/json", body: strings.Repeat(" ", 65), chunked: true, want: TooLarge},
		{name: "empty", media: "application/json", want: BadJSON},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
			if c.chunked {
				r.ContentLength = -1
			}
			if c.media != "" {
				r.Header.Set("Content-Type", c.media)
			}
			if c.coding != "" {
				r.Header.Set("Content-Encoding", c.coding)
			}
			var into target
			err := DecodeStrict(r, 64, &into)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, c.want, problemFrom(t, err).Code)
		})
	}
}
