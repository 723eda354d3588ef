package eventlog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// Whatever instant stands in the log, it is told as one that everybody can write, by
// every way of reading; what is appended stands so.
func TestEveryInstantCanBeWritten(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	p := open(t, db.URL(postgres.RoleCommand))
	admin, err := postgres.Open(t.Context(), db.AdminURL, postgres.Options{MaxConns: 1})
	require.NoError(t, err)
	defer admin.Close()

	entry := point("图论")
	entry.Events[0].OccurredAt = time.Date(0, 1, 1, 0, 0, 0, 0, time.FixedZone("", 14*60*60))
	require.NoError(t, p.Append(t.Context(), entry, point("graphs"), point("trees")))
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	require.Equal(t, first, p.all()[0].OccurredAt)
	var stands time.Time
	require.NoError(t, admin.QueryRow(t.Context(), `select occurred_at from sical.events where position = 1`).Scan(&stands))
	require.True(t, stands.Equal(first), stands)

	_, err = admin.Exec(t.Context(), `update sical.events set occurred_at =
		case position when 1 then timestamptz '0002-12-31 10:00+00 BC' when 2 then timestamptz '10000-01-01 00:00+00' else occurred_at end`)
	require.NoError(t, err)
	for name, read := range map[string]func() ([]events.Event, error){
		"page": func() ([]events.Event, error) { return p.Read(t.Context(), 0, 10) },
		"kind": func() ([]events.Event, error) { return p.OfKind(t.Context(), events.KindPoint) },
		"stream": func() ([]events.Event, error) {
			return loaded(t, p, entry.Stream)[entry.Stream], nil
		},
		"scan": func() (list []events.Event, err error) {
			err = NewReader(admin).Scan(t.Context(), 0, 10, []string{"point.created"}, func(b Block) error {
				return b.Each(func(e *events.Event) error {
					list = append(list, *e)
					return nil
				})
			})
			return list, err
		},
	} {
		list, err := read()
		require.NoError(t, err, name)
		require.True(t, list[0].OccurredAt.Equal(first), "%s: %s", name, list[0].OccurredAt)
		if name != "stream" {
			require.Len(t, list, 3, name)
			require.True(t, list[1].OccurredAt.Equal(last), "%s: %s", name, list[1].OccurredAt)
			require.WithinDuration(t, time.Now(), list[2].OccurredAt, time.Hour, name)
		}
	}
}
