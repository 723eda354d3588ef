package projections

import (
	"time"

	"sical-backend/events"
)

// WebhookRow is an address that events are sent to. A deleted one has no row.
type WebhookRow struct {
	ID         events.ID            `json:"id"`
	Version    int                  `json:"version"`
	URL        string               `json:"url"`
	EventTypes []string             `json:"event_types"`
	Status     events.WebhookStatus `json:"status"`
	Reason     string               `json:"reason,omitempty"`
	CreatedAt  time.Time            `json:"created_at"`
	UpdatedAt  time.Time            `json:"updated_at"`
}

// Webhook answers: a webhook by id; all of them, newest first.
var Webhook = model[WebhookRow]{
	name: "webhook", version: 1, keys: []string{"id"},
	columns: []Column{timeColumn("created_at", func(r *WebhookRow) time.Time { return r.CreatedAt })},
	indexes: []string{"on {table} (created_at desc, id desc)"},
	events: []string{
		events.NameOf[events.WebhookRegistered](), events.NameOf[events.WebhookRevised](), events.NameOf[events.WebhookDisabled](),
		events.NameOf[events.WebhookEnabled](), events.NameOf[events.WebhookDeleted](),
	},
	touches: ownStream(events.KindWebhook),
	fold:    foldWebhook,
	totals:  func(*WebhookRow) []Total { return counts(nil, Everyone, "", "") },
	groups:  func(*WebhookRow) []string { return []string{AllWebhooks} },
}.view()

// AllWebhooks is the group of the list of webhooks.
const AllWebhooks = "webhooks"

func foldWebhook(r *WebhookRow, e events.Event) bool {
	r.Version, r.UpdatedAt = e.Version, e.OccurredAt
	switch d := e.Data.(type) {
	case *events.WebhookRegistered:
		*r = WebhookRow{
			ID: e.Stream.ID(), Version: e.Version, URL: d.URL, EventTypes: d.EventTypes,
			Status: events.WebhookStatusEnabled, CreatedAt: e.OccurredAt, UpdatedAt: e.OccurredAt,
		}
	case *events.WebhookRevised:
		set(&r.URL, d.URL)
		if d.EventTypes != nil {
			r.EventTypes = d.EventTypes
		}
	case *events.WebhookDisabled:
		r.Status, r.Reason = events.WebhookStatusDisabled, d.Reason
	case *events.WebhookEnabled:
		r.Status, r.Reason = events.WebhookStatusEnabled, ""
	case *events.WebhookDeleted:
		return false
	}
	return true
}
