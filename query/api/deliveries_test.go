package api

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/query"
)

// TestDeliveriesTellTheLatest: of a webhook that has failed for long an admin sees where it
// stands, what was tried last, and what was set aside last; nothing of another's.
func TestDeliveriesTellTheLatest(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	event := uuid.New()
	for _, webhook := range []events.ID{s.hook, uuid.New()} {
		for _, statement := range []string{`
			insert into sical.reaction (reaction, consumer, position, failures, failing_since, retry_at)
			values ('webhook', $1, 7, 5, timestamptz '2026-03-01 08:00Z', timestamptz '2026-03-01 08:30Z')`, `
			insert into sical.webhook_delivery (webhook, position, event_id, type, at, took_ms, status, error)
			select $1, n, '` + event.String() + `', 'goal.created', timestamptz '2026-03-01 08:00Z', 10 + n,
				case when n < 101 then 204 end, case when n = 101 then 'it did not answer in time' end from generate_series(1, 101) n`, `
			insert into sical.reaction_poison (reaction, consumer, position, error, parked_at)
			select 'webhook', $1, n, 'unreadable', timestamptz '2026-03-01 08:00Z' from generate_series(1, 102) n`} {
			_, err := s.admin.Exec(t.Context(), statement, webhook)
			require.NoError(t, err)
		}
	}
	d := read[query.Deliveries](s.world, "/v1/webhooks/"+s.hook.String()+"/deliveries", token(s.wei, events.Admin))

	items, parked, at := d.Items, d.Parked, beginning
	d.Items, d.Parked = nil, nil
	require.Equal(t, query.Deliveries{Position: 7, Failures: 5, FailingSince: new(at), RetryAt: new(at.Add(30 * time.Minute))}, d)
	require.Len(t, items, 100)
	require.Equal(t, query.Delivery{Position: 101, EventID: event, Type: "goal.created", At: at, Took: 111, Error: new("it did not answer in time")}, items[0])
	require.Equal(t, query.Delivery{Position: 2, EventID: event, Type: "goal.created", At: at, Took: 12, Status: new(204)}, items[99])
	require.Len(t, parked, 100)
	require.Equal(t, query.ParkedByWebhook{Position: 102, Error: "unreadable", At: at}, parked[0])
	require.EqualValues(t, 3, parked[99].Position)
}
