package web

import (
	stdjson "encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever the bytes, the answer is a value or a 4xx with pointers; and what is
// taken, the standard library calls valid JSON too.
func FuzzDecodeStrict(f *testing.F) {
	f.Add([]byte(`{"Go "`))
	for _, c := range mustReject() {
		if len(c.doc) < 1000 {
			f.Add([]byte(c.doc))
		}
	}
	for _, doc := range mustAccept() {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var into target
		err := DecodeStrictBytes(doc, &into)
		if err != nil {
			p := problemFrom(t, err)
			require.Equal(t, 400, p.Status())
			require.NotContains(t, p.Detail, "Go ")
			for _, e := range p.Errors { // whose pointers may have any name, also that
				require.NotContains(t, e.Detail, "Go ")
			}
			return
		}
		require.True(t, stdjson.Valid(doc))
		require.NotContains(t, into.Title, "\x00")
		require.NotContains(t, strings.Join(into.Tags, ""), "\x00")
	})
}

// What can be written can be read, byte for byte, and one more or changed name
// makes it unreadable.
func TestDecodeStrictRoundTrip(t *testing.T) {
	t.Parallel()
	type small struct {
		Title string    `json:"title"`
		Count int64     `json:"count"`
		Tags  []string  `json:"tags"`
		At    time.Time `json:"at"`
	}
	text := rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
	rapid.Check(t, func(t *rapid.T) {
		want := small{
			Title: text.Draw(t, "title"),
			Count: rapid.Int64().Draw(t, "count"),
			Tags:  rapid.SliceOfN(text, 1, 5).Draw(t, "tags"),
			At:    time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0).UTC(),
		}
		doc, err := json.Marshal(want)
		require.NoError(t, err)
		var got small
		require.NoError(t, DecodeStrictBytes(doc, &got))
		require.Equal(t, want, got)

		cut := rapid.IntRange(0, len(doc)-1).Draw(t, "cut")
		require.Error(t, DecodeStrictBytes(doc[:cut], &small{}), "half a document")
		require.Error(t, DecodeStrictBytes(append(doc, 'x'), &small{}), "trailing data")
		for _, name := range []string{"owner_id", "Title", "version", "title"} {
			more := `{"` + name + `":"x",` + string(doc[1:])
			require.Error(t, DecodeStrictBytes([]byte(more), &small{}), name)
		}
	})
}

func BenchmarkDecodeStrict(b *testing.B) {
	doc := []byte(`{"title":"Linear algebra in twelve weeks","count":12,"id":"0198c7a1-0000-7000-8000-00000000000a",` +
		`"tags":["mathematics","vectors"],"at":"2026-01-02T03:04:05Z","inner":{"name":"a","rank":3}}`)
	b.Run("strict", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var into target
			if err := DecodeStrictBytes(doc, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var into target
			if err := stdjson.Unmarshal(doc, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
}
