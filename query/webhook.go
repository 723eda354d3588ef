package query

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// Webhook is an address that events are sent to. Its secret is never shown.
type Webhook struct {
	ID         events.ID            `json:"id"`
	Version    int                  `json:"version" doc:"of the webhook, for If-Match"`
	URL        string               `json:"url"`
	EventTypes []string             `json:"event_types"`
	Status     events.WebhookStatus `json:"status"`
	Reason     string               `json:"reason,omitempty" doc:"why it is disabled"`
	CreatedAt  time.Time            `json:"created_at"`
	UpdatedAt  time.Time            `json:"updated_at"`
}

func webhookOf(r *projections.WebhookRow) Webhook { return Webhook(*r) }

// Webhook asks for one webhook. Who may ask is the door's affair: it is no matter
// of the row.
func (a *Answerer) Webhook(id events.ID) Question {
	return one(a.webhooks, id, "", func(_ context.Context, r *projections.WebhookRow) (any, int, error) {
		return webhookOf(r), r.Version, nil
	})
}

// Webhooks asks for all webhooks, newest first. It fails with ErrCursor.
func (a *Answerer) Webhooks(page Paging) (Question, error) {
	l := &list{
		name: key("webhooks"), page: page,
		totals: []string{projections.Count(projections.Everyone, "", "")},
	}
	return ask(a, projections.Webhook, l, projections.AllWebhooks, each(webhookOf))
}

// Deliveries is how far a webhook has come, and its latest attempts.
type Deliveries struct {
	Position     uint64            `json:"position" doc:"every event up to here is delivered, or not of its types"`
	Failures     int               `json:"failures" doc:"in a row, up to now"`
	FailingSince *time.Time        `json:"failing_since,omitempty"`
	RetryAt      *time.Time        `json:"retry_at,omitempty" doc:"when it is tried again"`
	Items        []Delivery        `json:"items" doc:"the latest attempts, newest first, at most 100"`
	Parked       []ParkedByWebhook `json:"parked" doc:"events that could not be made into a delivery, the latest first, at most 100"`
}

// Delivery is one attempt.
type Delivery struct {
	Position uint64    `json:"position" doc:"of the event"`
	EventID  events.ID `json:"event_id"`
	Type     string    `json:"type"`
	At       time.Time `json:"at"`
	Took     int       `json:"took_ms"`
	Status   *int      `json:"status,omitempty" doc:"of the answer; absent where there was none"`
	Error    *string   `json:"error,omitempty" doc:"absent where it was taken"`
}

// ParkedByWebhook is an event that no retry can help.
type ParkedByWebhook struct {
	Position uint64    `json:"position"`
	Error    string    `json:"error"`
	At       time.Time `json:"at"`
}

// DeliveriesOf asks how a webhook fares, which changes without any event: it is
// always read anew.
func (a *Answerer) DeliveriesOf(id events.ID) Question {
	views := []*projections.View{projections.Webhook.View}
	return Question{
		Key: key("deliveries", raw(id)), Views: projections.Names(views), Deps: on(projections.Webhook.RowName(projections.KeyOf(id))), Volatile: true,
		load: func(ctx context.Context) (Answer, error) {
			d := Deliveries{Items: []Delivery{}, Parked: []ParkedByWebhook{}}
			var found map[events.ID]*projections.WebhookRow
			checkpoints, err := a.reader.Read(ctx, views, func(s *reading.Snapshot) error {
				found = reading.Find(s, projections.Webhook, id)
				queueDeliveries(s, id, &d)
				return s.Finish(ctx)
			})
			if err != nil {
				return Answer{}, err
			}
			answer := Answer{Checkpoints: checkpoints}
			if found[id] == nil {
				return answer, ErrNotFound
			}
			return rendered(answer, d)
		},
	}
}

// queueDeliveries queues reading what the webhook's reaction keeps of itself.
func queueDeliveries(s *reading.Snapshot, id events.ID, d *Deliveries) {
	s.Queue(`-- read reaction
		select position, failures, failing_since, retry_at from sical.reaction
		where reaction = 'webhook' and consumer = $1`, id).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&d.Position, &d.Failures, &d.FailingSince, &d.RetryAt}, func() error { return nil })
		return err
	})
	s.Queue(`-- list webhook_delivery
		select position, event_id, type, at, took_ms, status, error from sical.webhook_delivery
		where webhook = $1 order by id desc limit 100`, id).Query(func(rows pgx.Rows) (err error) {
		d.Items, err = pgx.AppendRows(d.Items, rows, pgx.RowToStructByPos[Delivery])
		return err
	})
	s.Queue(`-- list reaction_poison
		select position, error, parked_at from sical.reaction_poison
		where reaction = 'webhook' and consumer = $1 order by position desc limit 100`, id).Query(func(rows pgx.Rows) (err error) {
		d.Parked, err = pgx.AppendRows(d.Parked, rows, pgx.RowToStructByPos[ParkedByWebhook])
		return err
	})
}
