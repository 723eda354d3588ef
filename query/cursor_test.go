package query

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
)

func drawMark(t *rapid.T) mark {
	return mark{
		at: time.UnixMicro(rapid.Int64Range(firstMicro, lastMicro).Draw(t, "at")),
		id: events.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
	}
}

func TestCursorComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, list := drawMark(t), rapid.String().Draw(t, "list")
		got, err := parseCursor(list, want.cursor(list))
		require.NoError(t, err)
		require.True(t, want.at.Equal(got.at))
		require.Equal(t, want.id, got.id)
		_, err = parseCursor(list+"x", want.cursor(list))
		require.ErrorIs(t, err, ErrCursor)
	})
}

// The instants that a row can have.
var (
	firstMicro = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastMicro  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()
)

// Anybody can make a check; Postgres refuses some instants.
func TestCursorOfNoRowIsRefused(t *testing.T) {
	t.Parallel()
	for _, micro := range []int64{math.MinInt64, -1 << 62, firstMicro - 1, lastMicro + 1, math.MaxInt64} {
		_, err := parseCursor("list", mark{at: time.UnixMicro(micro)}.cursor("list"))
		require.ErrorIs(t, err, ErrCursor, micro)
	}
}

func TestNoCursorIsTheBeginning(t *testing.T) {
	t.Parallel()
	m, err := parseCursor("list", "")
	require.NoError(t, err)
	require.Nil(t, m)
}

// TestCursorsOfOlderReleases: who pages through assessments while processes are replaced goes
// on, and each list of a day is one of its own.
func TestCursorsOfOlderReleases(t *testing.T) {
	t.Parallel()
	v, keys := Viewer{ID: events.ID{1}}, map[string]bool{}
	for _, c := range []struct {
		since time.Time
		name  string
	}{
		{time.Time{}, "1970-01-01"},
		{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), "1970-01-01"},
		{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "2026-03-01"},
	} {
		cursor := mark{at: time.UnixMicro(1), id: events.ID{2}}.cursor(key("assessments", v.ID.String(), "", "", c.name))
		q, err := (&Answerer{}).AssessmentsOf(v, v.ID, AssessmentFilter{Since: c.since}, Paging{Limit: 1, Cursor: cursor})
		require.NoError(t, err, c.since)
		q.Key, _, _ = strings.Cut(q.Key, cursor)
		require.False(t, keys[q.Key], c.since)
		keys[q.Key] = true
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("list", mark{}.cursor("list"))
	f.Add("", "!")
	f.Fuzz(func(t *testing.T, list, cursor string) {
		m, err := parseCursor(list, cursor)
		if err == nil && m != nil {
			require.Equal(t, cursor, m.cursor(list), "one mark has one cursor")
		}
	})
}

func TestKeysAreApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.StringOf(rapid.SampledFrom([]rune("1:a长")))).Draw(t, "parts")
		others := rapid.SliceOf(rapid.StringOf(rapid.SampledFrom([]rune("1:a长")))).Draw(t, "others")
		if len(parts) == 0 && len(others) == 0 {
			return
		}
		same := len(parts) == len(others)
		for i := range parts {
			same = same && parts[i] == others[i]
		}
		require.Equal(t, same, key(parts...) == key(others...))
	})
}
