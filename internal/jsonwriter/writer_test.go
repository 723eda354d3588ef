package jsonwriter

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestValuesAreWrittenWithTheirCommas(t *testing.T) {
	t.Parallel()
	w := Behind([]byte("before"))
	w.Begin('[')
	w.Begin('{')
	w.End('}')
	w.Begin('{')
	w.Name("id").ID(uuid.MustParse("019a0000-1234-7abc-8def-0123456789ab"))
	w.Optional("empty", "")
	w.Optional("title", "学习 \"Go\"\n")
	w.Name("list").Begin('[')
	w.Int(-1)
	w.Bool(true)
	w.Null()
	w.Value(map[string]int{"a": 1})
	w.Raw([]byte(`[2]`))
	w.End(']')
	w.Name("at").Time(time.Date(2026, 1, 2, 3, 4, 5, 670_000_000, time.UTC))
	w.End('}')
	w.End(']')
	got, err := w.Result()
	require.NoError(t, err)
	require.Equal(t, `before[{},{"id":"019a0000-1234-7abc-8def-0123456789ab","title":"学习 \"Go\"\n",`+
		`"list":[-1,true,null,{"a":1},[2]],"at":"2026-01-02T03:04:05.67Z"}]`, string(got))
}

// The first error is told, and is not the next one's.
func TestWhatIsNoUTF8Fails(t *testing.T) {
	t.Parallel()
	_, err := Render(func(w *Writer) {
		w.Begin('[')
		w.Text("\xff")
		w.Text("good")
		w.End(']')
	})
	require.ErrorContains(t, err, "UTF-8")
	for range 100 {
		got, err := Render(func(w *Writer) { w.Text("good") })
		require.NoError(t, err)
		require.Equal(t, `"good"`, string(got))
	}
	_, err = Render(func(w *Writer) { w.Raw(nil) })
	require.ErrorIs(t, err, errEmpty)
}

// What has been rendered stays, whatever is rendered after it.
func TestRenderedTextsAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	var texts [100][]byte
	for i := range texts {
		var err error
		texts[i], err = Render(func(w *Writer) { w.Int(100 + i) })
		require.NoError(t, err)
	}
	for i, text := range texts {
		require.Equal(t, strconv.Itoa(100+i), string(text))
	}
}
