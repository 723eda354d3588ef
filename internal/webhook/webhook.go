package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/internal/reaction"
	"sical-backend/internal/vault"
)

// Name is the reaction's name.
const Name = "webhook"

// Log gives the events that webhooks themselves are made of.
type Log interface {
	OfKind(context.Context, events.Kind) ([]events.Event, error)
}

// Config is what Webhooks need.
type Config struct {
	Pool  *pgxpool.Pool // acts as the reaction role
	Log   Log
	Vault *vault.Vault
	// Client calls out; see web.NewOutsideClient.
	Client *http.Client
	// Disable holds a webhook by a command of its own, which an event that could not be
	// delivered is the cause of; the reason may be any text.
	Disable func(ctx context.Context, webhook, cause events.ID, reason string) error
	Logger  *slog.Logger
	Now     func() time.Time
}

// Webhooks is the reaction that delivers events to webhooks.
type Webhooks struct {
	cfg      Config
	patience time.Duration // of one exchange with the database

	mu        sync.RWMutex
	endpoints map[events.ID]endpoint
}

var _ reaction.Reaction = (*Webhooks)(nil)

// New returns the reaction; a reaction.Runtime runs it.
func New(cfg Config) *Webhooks {
	return &Webhooks{cfg: cfg, patience: patience, endpoints: map[events.ID]endpoint{}}
}

// Name is the reaction's name.
func (*Webhooks) Name() string { return Name }

// endpoint is where a webhook stands by its own events.
type endpoint struct {
	url     string
	types   []string
	held    bool
	ended   bool
	version int
	from    uint64 // position of its registration
	newer   error  // why this program cannot tell the rest, as a newer one may; nil where it can
}

// apply folds one more event of the webhook.
func (w endpoint) apply(e events.Event) endpoint {
	w.version = e.Version
	switch d := e.Data.(type) {
	case *events.WebhookRegistered:
		w.url, w.types, w.from = d.URL, d.EventTypes, e.Position
	case *events.WebhookRevised:
		if d.URL != nil {
			w.url = *d.URL
		}
		if d.EventTypes != nil {
			w.types = d.EventTypes
		}
	case *events.WebhookDisabled:
		w.held = true
	case *events.WebhookEnabled:
		w.held = false
	case *events.WebhookDeleted:
		w.ended = true
	}
	return w
}

// fold tells where all webhooks stand by their events. One that cannot be read, be it damaged or
// a newer program's, concerns its own webhook alone.
func fold(list []events.Event) map[events.ID]endpoint {
	endpoints := map[events.ID]endpoint{}
	for _, e := range list {
		id := e.Stream.ID()
		known := endpoints[id]
		if err := e.Decode(); err != nil {
			known.newer = err
		} else {
			known = known.apply(e)
		}
		endpoints[id] = known
	}
	return endpoints
}

// Consumers lists all webhooks there have been. Their events are few, and are the
// truth: no read model need be there to deliver. A webhook that has an event which cannot be
// read here is left to newer programs, from whoever serves it: it may be disabled by now, or
// have another address.
func (w *Webhooks) Consumers(ctx context.Context) ([]reaction.Consumer, error) {
	list, err := w.cfg.Log.OfKind(ctx, events.KindWebhook)
	if err != nil {
		return nil, err
	}
	endpoints := fold(list)
	w.mu.Lock()
	defer w.mu.Unlock()
	consumers := make([]reaction.Consumer, 0, len(endpoints))
	for id, e := range endpoints {
		if known, ok := w.endpoints[id]; e.ended && (!ok || !known.ended) {
			if _, err := w.cfg.Pool.Exec(ctx, "-- drop webhook_delivery\ndelete from sical.webhook_delivery where webhook = $1", id); err != nil {
				return nil, err
			}
		}
		if e.newer != nil && w.endpoints[id].newer == nil { // once, not with every look
			w.cfg.Logger.WarnContext(ctx, "webhook left to newer programs", "webhook", id, "error", e.newer)
		}
		consumers = append(consumers, reaction.Consumer{
			ID: id, Version: e.version, From: e.from, Held: e.held, Ended: e.ended, Newer: e.newer != nil,
			Wants: func(name string) bool { return events.Selects(e.types, name) },
		})
	}
	w.endpoints = endpoints
	return consumers, nil
}

func (w *Webhooks) endpoint(id events.ID) endpoint {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.endpoints[id]
}

// GiveUp disables the webhook, by an event that everybody can see.
func (w *Webhooks) GiveUp(ctx context.Context, id events.ID, at events.Event, reason string) error {
	return w.cfg.Disable(ctx, id, at.ID, reason)
}
