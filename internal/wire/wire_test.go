package wire

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
	"sical-backend/internal/bus"
)

func anID(t *rapid.T, name string) events.ID {
	return events.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
}

func instant(t *rapid.T, name string) time.Time {
	first, end := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	return time.UnixMicro(rapid.Int64Range(first.UnixMicro(), end.UnixMicro()-1).Draw(t, name)).UTC()
}

func TestWhatIsEncodedDecodes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := events.Event{
			Position:   rapid.Uint64Range(1, 1<<62).Draw(t, "position"),
			ID:         anID(t, "id"),
			Stream:     events.StreamOf(events.KindGoal, anID(t, "stream")),
			Version:    rapid.IntRange(1, 1<<30).Draw(t, "version"),
			Type:       "goal.created",
			Schema:     rapid.IntRange(1, 1<<15-1).Draw(t, "schema"),
			Raw:        fmt.Appendf(nil, `{"title":%q}`, rapid.String().Draw(t, "title")),
			Owner:      anID(t, "owner"),
			OccurredAt: instant(t, "occurred"),
			RecordedAt: instant(t, "recorded"),
			RawMeta:    fmt.Appendf(nil, `{"correlation":"%x"}`, rapid.SliceOf(rapid.Byte()).Draw(t, "correlation")),
		}
		m := Encode(e, uuid.NewString())
		require.Equal(t, "sical.events.goal", m.Subject)
		require.Equal(t, e.ID.String(), m.ID)
		back, err := Decode(bus.Message{Seq: e.Position, Header: m.Header, Data: m.Data})
		require.NoError(t, err)
		require.Equal(t, e, back)
	})
}

func TestTraceContextIsAHeaderOfItsOwn(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	e := events.Event{Position: 1, Stream: events.Curriculum, RawMeta: []byte(`{"traceparent":"` + parent + `"}`)}
	require.Equal(t, []string{parent}, Encode(e, "").Header["traceparent"])
	e.RawMeta = []byte(`{}`)
	require.NotContains(t, Encode(e, "").Header, "traceparent")
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	t.Parallel()
	whole := func() *bus.Message {
		return Encode(events.Event{Position: 7, ID: uuid.New(), Stream: events.Curriculum, Version: 1, Schema: 1, Owner: uuid.New(), RawMeta: []byte(`{}`)}, "")
	}
	for _, name := range []string{id, owner, version, schema, occurred, recorded} {
		m := whole()
		delete(m.Header, name)
		_, err := Decode(bus.Message{Seq: 7, Header: m.Header, Data: m.Data})
		require.ErrorContains(t, err, "message 7", name)
	}
}
