package projections

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
	"sical-backend/internal/testkit/fill"
)

// A row is decoded to what it was encoded from, and to what the strict library makes of it.
func TestRowsAreDecodedAsTheyWereEncoded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for _, v := range Views() {
			empty, err := v.Decode([]byte(`{}`))
			require.NoError(t, err)
			row := reflect.New(reflect.TypeOf(empty).Elem())
			drawRow(t, row.Elem())
			doc, err := v.Encode(row.Interface())
			require.NoError(t, err)
			strict := reflect.New(row.Type().Elem())
			require.NoError(t, json.Unmarshal(doc, strict.Interface()))
			got, err := v.Decode(doc)
			require.NoError(t, err, "%s", doc)
			require.Equal(t, strict.Interface(), got, "%s", doc)
			var few some
			require.NoError(t, json.Unmarshal(doc, &few))
			part, err := Decode[some](doc)
			require.NoError(t, err)
			require.Equal(t, few, *part, "%s", doc)
			again, err := v.Encode(got)
			require.NoError(t, err)
			require.Equal(t, string(doc), string(again))
		}
	})
}

// some are a few members of many rows, with others between them.
type some struct {
	ID         events.ID `json:"id"`
	Version    int       `json:"version"`
	Title      string    `json:"title"`
	Difficulty int       `json:"difficulty_level"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// What is no row, or more than one, is an error.
func TestWhatIsNoRowIsNotDecoded(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{``, `{`, `[]`, `7`, `{"version":"1"}`, `{"version":1}}`, `{"version":1} {}`, `{"id":"x"}`, `{"created_at":"yesterday"}`} {
		_, err := Goal.Decode([]byte(doc))
		require.Error(t, err, doc)
	}
	row, err := Goal.Decode([]byte(`{"Version":1,"unknown":{"a":[1]}}`))
	require.NoError(t, err)
	require.Zero(t, *row)
}

// drawRow sets a row to anything.
func drawRow(t *rapid.T, row reflect.Value) {
	below := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "below") }
	fill.Value(row, below, func(v reflect.Value, name string) bool {
		switch of := v.Addr().Interface().(type) {
		case *events.ID:
			copy(of[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
		case *time.Time:
			*of = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name)).UTC()
		case *events.Date:
			*of = events.Date(rapid.Int32Range(0, 30_000).Draw(t, name))
		case *Days:
			for _, day := range drawDays(t, name) {
				of.add(day)
			}
		case *events.Hundredths:
			*of = events.Hundredths(rapid.Int64Range(0, 100_00).Draw(t, name))
		default:
			switch {
			case v.Kind() == reflect.String:
				v.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "学习 \"quoted\"\n<b>&\\\u2028\x00\x7f😀"})).Draw(t, name))
			case v.CanInt():
				v.SetInt(rapid.Int64Range(0, math.MaxInt32).Draw(t, name))
			case v.Kind() == reflect.Slice:
				return below(3) == 0 // and leaves it nil
			default:
				return false
			}
		}
		return true
	})
}

// BenchmarkDecode reads points, whole and as few members of them as queries take, and the
// strict library does in turn. Required of the few is at most 0.7 of the latter's time.
func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{
		"short":   "Graphs",
		"long":    strings.Repeat("A path visits each vertex at most once. ", 30),
		"Chinese": strings.Repeat("图论研究顶点和边。", 40),
	} {
		doc, err := Point.Encode(&PointRow{
			ID: events.ID{1}, Version: 3, Title: "Graph theory", Description: text, Category: "mathematics", Difficulty: 4, Minutes: 90,
			Prerequisites: []events.ID{{2}, {3}}, CreatedAt: time.Unix(1_700_000_000, 0).UTC(), UpdatedAt: time.Unix(1_700_000_000, 0).UTC(),
		})
		require.NoError(b, err)
		b.Run(name+"/whole", func(b *testing.B) { decodeBoth[PointRow](b, doc) })
		b.Run(name+"/some", func(b *testing.B) { testkit.AtMost(b, "of the strict library's time", decodeBoth[some](b, doc), .7) })
	}
}

// decodeBoth decodes with both libraries in turn, a thousand times each, and returns the time
// of ours as a multiple of the strict one's.
func decodeBoth[R any](b *testing.B, doc []byte) float64 {
	var ours, strict []float64
	for b.Loop() {
		ours = append(ours, thousand(b, func() error { _, err := Decode[R](doc); return err }))
		strict = append(strict, thousand(b, func() error { return json.Unmarshal(doc, new(R)) }))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(loadtest.Median(ours), "ns")
	b.ReportMetric(loadtest.Median(strict), "strict-ns")
	return loadtest.Median(ours) / loadtest.Median(strict)
}

// thousand returns the nanoseconds of one of a thousand calls.
func thousand(b *testing.B, call func() error) float64 {
	began := time.Now()
	for range 1000 {
		require.NoError(b, call())
	}
	return float64(time.Since(began).Nanoseconds()) / 1000
}
