package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// readAll reads every kind of parameter and returns what was wrong.
func readAll(raw string) (*Query, error) {
	q := ReadQuery(&url.URL{RawQuery: raw}, "limit", "q", "status", "id", "ids", "at", "since", "total")
	q.Int("limit", 1, 100, 20)
	q.Text("q", 5)
	q.Enum("status", "", "active", "paused")
	q.UUID("id")
	q.UUIDs("ids")
	q.Date("at")
	q.Instant("since")
	q.Bool("total")
	return q, q.Err()
}

const anID = "0198c7a1-0000-7000-8000-00000000000a"

func TestQueryTakes(t *testing.T) {
	t.Parallel()
	q, err := readAll("limit=100&q=学习123&status=paused&id=" + anID + "&ids=" + anID + "," + anID +
		"&at=2024-02-29&since=2026-01-02T03:04:05%2B08:00&total=true")
	require.NoError(t, err)
	require.Equal(t, 100, q.Int("limit", 1, 100, 20))
	require.Equal(t, "学习123", q.Text("q", 5))
	require.Equal(t, "paused", q.Enum("status", "", "active", "paused"))
	require.Equal(t, uuid.MustParse(anID), q.UUID("id"))
	require.Len(t, q.UUIDs("ids"), 2)
	require.Equal(t, time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), q.Date("at"))
	require.Equal(t, time.Date(2026, 1, 1, 19, 4, 5, 0, time.UTC), q.Instant("since"))
	require.True(t, q.Bool("total"))
	require.True(t, q.Has("total"))

	q, err = readAll("")
	require.NoError(t, err)
	require.Equal(t, 20, q.Int("limit", 1, 100, 20))
	require.False(t, q.Has("limit"))

	_, err = readAll("ids=" + strings.Repeat(anID+",", 99) + anID)
	require.NoError(t, err)
}

func TestQueryRefuses(t *testing.T) {
	t.Parallel()
	for raw, parameter := range map[string]string{
		"x=1": "x", "Limit=1": "Limit", "limit=1&limit=1": "limit", "limit=": "limit", "limit": "limit", "limit=0": "limit",
		"limit=101": "limit", "limit=+1": "limit", "limit=%2B1": "limit", "limit=1.0": "limit", "limit=1e1": "limit", "limit=0x1": "limit",
		"limit=99999999999999999999": "limit", "q=123456": "q", "q=%00": "q", "q=%ff": "q", "q=%zz": "q", "q=a;b": "q",
		"limit=1&%71=%zz": "q", "%zz=1": "%zz", "=1": "(empty)",
		"%ff=1": "\ufffd", "status=Active": "status", "status=active,paused": "status", "id=x": "id", "id={" + anID + "}": "id",
		"id=urn:uuid:" + anID: "id", "ids=" + anID + ",": "ids", "ids=,": "ids", "ids=" + strings.Repeat(anID+",", 100) + anID: "ids",
		"at=2023-02-29": "at", "at=2024-2-29": "at", "at=today": "at", "at=0000-12-31": "at", "since=2026-01-02": "since", "total=1": "total", "total=TRUE": "total",
		"limit[]=1": "limit[]", "q[a]=1": "q[a]",
	} {
		_, err := readAll(raw)
		p := problemFrom(t, err)
		require.Equal(t, InvalidParameter, p.Code, raw)
		require.Equal(t, parameter, p.Errors[0].Parameter, raw)
	}
	_, err := readAll("x=1&limit=0&id=x")
	require.Len(t, problemFrom(t, err).Errors, 3, "everything wrong at once")
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"limit=1", "q=%ff&x", "ids=,,", "at=2024-02-29", "at=0000-01-01", "&&=;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := readAll(raw)
		if err != nil {
			require.Equal(t, InvalidParameter, problemFrom(t, err).Code)
			return
		}
		require.LessOrEqual(t, len(q.values), 8)
		require.LessOrEqual(t, len(q.UUIDs("ids")), maxIDs)
		require.Positive(t, q.Date("at").Year(), "Postgres knows no day of the year 0")
	})
}
