package main

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/reaction"
	"sical-backend/internal/tail"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/vault"
	"sical-backend/internal/web"
	"sical-backend/internal/webhook"
	"sical-backend/internal/wire"
)

// Webhooks is where and for how long webhooks are tried.
type Webhooks struct {
	WebhookAllow  []string      `help:"Networks (CIDR) inside that webhooks may reach, also without encryption. The public internet they reach by https alone."`
	WebhookGiveUp time.Duration `help:"How long a webhook may fail before it is disabled." default:"72h"`
}

// networks reads what settle has checked.
func networks(list []string) (read []netip.Prefix) {
	for _, network := range list {
		read = append(read, netip.MustParsePrefix(network))
	}
	return read
}

// webhookPatience: tries again after 1, 2 and 4 seconds, then rounds of four such tries from
// half a minute to an hour apart.
func (c *Config) webhookPatience() reaction.Patience {
	return reaction.Patience{
		Quick: 3, First: time.Second, Slow: 30 * time.Second, Slowest: time.Hour, GiveUp: c.WebhookGiveUp,
	}
}

// startReactions delivers webhooks, in the projector's process.
func (a *App) startReactions(ctx context.Context) error {
	p, err := a.pool(ctx, postgres.RoleReaction, min(a.MaxConns, 4), eventlog.Plans())
	if err != nil {
		return err
	}
	v, err := a.vault(ctx, p)
	if err != nil {
		return err
	}
	js, err := jetstream.New(a.nats.Conn)
	if err != nil {
		return err
	}
	log := eventlog.NewReader(p)
	deciding := eventlog.Open(eventlog.Config{
		Pool: p, Vault: v, Logger: a.logger, Meter: telemetry.NewLog(a.registry),
		Committed: func([]events.Event) { a.ring() },
	})
	a.onClose(deciding.Close)
	client := web.NewOutsideClient(networks(a.WebhookAllow))
	a.onClose(client.CloseIdleConnections)
	hooks := webhook.New(webhook.Config{
		Pool: p, Log: log, Vault: v, Client: client, Disable: disabler(deciding, v), Logger: a.logger, Now: time.Now,
	})
	a.work("webhooks", reaction.New(reaction.Config{
		Pool: p, Log: log, Feed: tail.Bus{Reader: bus.NewReader(js, wire.Stream, func(err error) { a.logger.Log(ctx, slog.LevelDebug, "feed", "error", err) })},
		Reaction: hooks, Patience: a.webhookPatience(), Meter: telemetry.NewReaction(a.registry), Logger: a.logger,
	}).Run)
	return nil
}

// disabler disables webhooks in the system's own name, through the rules that an
// admin's command goes through.
func disabler(log *eventlog.Log, v *vault.Vault) func(ctx context.Context, webhook, cause events.ID, reason string) error {
	dispatcher := dispatch.New(log, v)
	rule, _ := command.RuleNamed("webhook.disable")
	return func(ctx context.Context, id, cause events.ID, reason string) error {
		now := time.Now().UTC()
		return dispatcher.Do(ctx, &dispatch.Request{
			Rule: rule, Command: &command.DisableWebhook{Of: command.Of{ID: id}, Reason: command.DisableReason(reason)},
			Given: command.Given{Role: events.Admin, At: now, Now: now}, Causation: cause,
		}).Err
	}
}

// startProjecting is the projector role: the views, and the reactions beside them.
func (a *App) startProjecting(ctx context.Context) error {
	if err := a.startProjector(ctx); err != nil {
		return err
	}
	return a.startReactions(ctx)
}
