package query

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
	"sical-backend/internal/testkit/fill"
)

// What is written by hand is what the tags say, whatever the members are: one that is added
// to a type and not to how it is written is missed here.
func TestAnswersAreWrittenAsTheirTagsSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for _, answer := range []any{new(Goal), new(User), new(Page[Goal]), new(Page[User]), new(Page[Comment])} {
			drawAnswer(t, reflect.ValueOf(answer).Elem())
			want, err := json.Marshal(answer)
			require.NoError(t, err)
			got, err := rendered(Answer{}, answer)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got.Body))
		}
	})
	_, err := rendered(Answer{}, &Goal{Title: "\xff"})
	require.Error(t, err, "not UTF-8")
	page, err := rendered(Answer{}, Page[jsontext.Value]{Items: []jsontext.Value{[]byte(`{"id":1}`), []byte(`{"id":2}`)}})
	require.NoError(t, err)
	require.Equal(t, `{"items":[{"id":1},{"id":2}]}`, string(page.Body))
}

// drawAnswer fills v, of which every pointer and slice may be nil.
func drawAnswer(t *rapid.T, v reflect.Value) {
	below := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "below") }
	fill.Value(v, below, func(v reflect.Value, name string) bool {
		switch of := v.Addr().Interface().(type) {
		case *events.ID:
			copy(of[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
			return true
		case *time.Time:
			*of = time.UnixMicro(rapid.Int64Range(firstMicro, lastMicro).Draw(t, name)).UTC()
			return true
		case *events.Date:
			*of = events.Date(rapid.Int32Range(0, 30_000).Draw(t, name))
			return true
		}
		switch v.Kind() {
		case reflect.String:
			v.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "学习 \"quoted\"\n<b>&\\\u2028"})).Draw(t, name))
		case reflect.Int, reflect.Int64:
			v.SetInt(rapid.Int64Range(-2, 1<<40).Draw(t, name))
		case reflect.Slice:
			return below(3) == 0 // and leaves it nil
		default:
			return false
		}
		return true
	})
}
