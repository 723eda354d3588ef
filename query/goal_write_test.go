package query

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
	"sical-backend/internal/jsonwriter"
)

// What is written by hand is what the tags say, whatever the members are: one that is added
// to a type and not to how it is written is missed here.
func TestAnswersAreWrittenAsTheirTagsSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for _, answer := range []written{new(Goal), new(User), new(Page[Goal]), new(Page[Comment])} {
			draw(t, reflect.ValueOf(answer).Elem())
			want, err := json.Marshal(answer)
			require.NoError(t, err)
			got, err := jsonwriter.Render(answer.write)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		}
	})
	_, err := jsonwriter.Render((&Goal{Title: "\xff"}).write)
	require.Error(t, err, "not UTF-8")
}

// draw fills v, of which every pointer and slice may be nil.
func draw(t *rapid.T, v reflect.Value) {
	switch of := v.Addr().Interface().(type) {
	case *uuid.UUID:
		copy(of[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		return
	case *time.Time:
		*of = time.UnixMicro(rapid.Int64Range(firstMicro, lastMicro).Draw(t, "at")).UTC()
		return
	case *events.Date:
		*of = events.Date(rapid.Int32Range(0, 30_000).Draw(t, "day"))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "学习 \"quoted\"\n<b>&\\\u2028"})).Draw(t, "text"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64Range(-2, 1<<40).Draw(t, "number"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "truth"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, v.Elem())
		}
	case reflect.Slice:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, "items"), 3))
		}
		for i := range v.Len() {
			draw(t, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			draw(t, v.Field(i))
		}
	default:
		t.Fatalf("a %s is not drawn", v.Type())
	}
}
