package main

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go/jetstream"

	commandapi "sical-backend/command/api"
	"sical-backend/events"
	"sical-backend/internal/admin"
	"sical-backend/internal/auth"
	"sical-backend/internal/bus"
	"sical-backend/internal/cache"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/live"
	"sical-backend/internal/pause"
	"sical-backend/internal/postgres"
	"sical-backend/internal/projector"
	"sical-backend/internal/rebuild"
	"sical-backend/internal/relay"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/vault"
	"sical-backend/internal/wire"
	"sical-backend/projections"
	"sical-backend/query"
	queryapi "sical-backend/query/api"
)

// The names in access tokens.
const (
	issuer   = "sical"
	audience = "sical-api"
)

// decider is what carries out commands.
type decider struct {
	*dispatch.Dispatcher
	log   *eventlog.Log
	vault *vault.Vault
	pool  pool
	apart pool // for what must not stand in line behind a rush of requests
}

// startDecider opens the log for appending, and the relay that carries it on: once
// in a process, however many ask.
func (a *App) startDecider(ctx context.Context) (*decider, error) {
	if a.decider != nil {
		return a.decider, nil
	}
	p, err := a.pool(ctx, postgres.RoleCommand, a.MaxConns, eventlog.Plans())
	if err != nil {
		return nil, err
	}
	v, err := a.vault(ctx, p)
	if err != nil {
		return nil, err
	}
	apart, err := a.poolNamed(ctx, "command_apart", postgres.RoleCommand, 2, eventlog.Plans())
	if err != nil {
		return nil, err
	}
	reading, err := a.pool(ctx, postgres.RoleRelay, 2, nil)
	if err != nil {
		return nil, err
	}
	carrying := a.relayConfig(eventlog.NewReader(reading))
	if a.handover != nil {
		carrying.Found, carrying.Working = a.handover.Committed, a.handover.Whole
	}
	r, err := relay.New(carrying)
	if err != nil {
		return nil, err
	}
	a.work("relay", r.Run)
	if err := a.startReconciler(eventlog.NewReader(reading)); err != nil {
		return nil, err
	}
	log := eventlog.Open(eventlog.Config{
		Pool: p, Appending: apart, Vault: v, Logger: a.logger, Meter: telemetry.NewLog(a.registry),
		Committed: func(list []events.Event) {
			if a.handover != nil {
				a.handover.Committed(list)
			}
			r.Committed(list)
		},
	})
	a.onClose(log.Close)
	a.decider = &decider{dispatch.New(log, v), log, v, p, apart}
	return a.decider, nil
}

// startVerifier makes this process able to check access tokens.
func (a *App) startVerifier(ctx context.Context, p pool, keys *auth.Keyring) (err error) {
	if a.verifier != nil {
		return nil
	}
	a.revocations, err = auth.StartRevocations(ctx, p, a.logger, time.Now)
	if err != nil {
		return err
	}
	a.onClose(a.revocations.Close)
	telemetry.Revocations(a.registry, a.revocations.Lag)
	a.verifier = auth.NewVerifier(keys, issuer, audience, a.revocations, time.Now)
	return nil
}

// sessions makes what opens sessions and signs tokens. What has ended is asked for through
// a pool of its own, apart.
func (a *App) sessions(ctx context.Context, p, apart pool, v *vault.Vault) (*auth.Sessions, *auth.Signer, error) {
	keys, err := a.signingKeyring()
	if err != nil {
		return nil, nil, err
	}
	if err := a.startVerifier(ctx, apart, keys); err != nil {
		return nil, nil, err
	}
	signer, err := auth.NewSigner(keys, issuer, audience, time.Now)
	if err != nil {
		return nil, nil, err
	}
	return auth.NewSessions(p, signer, a.revocations, v.Hash), signer, nil
}

// startCommand is the command role.
func (a *App) startCommand(ctx context.Context) error {
	a.serving = true
	d, err := a.startDecider(ctx)
	if err != nil {
		return err
	}
	sessions, _, err := a.sessions(ctx, d.pool, d.apart, d.vault)
	if err != nil {
		return err
	}
	a.revocations.OnErased(d.vault.Clear)
	a.revocations.OnErased(d.Clear)
	limits := commandapi.NewAdmission(int(d.pool.Config().MaxConns))
	commands, batches := limits.Loads()
	telemetry.Deciding(a.registry, commands, batches)
	commandapi.Register(a.echo(), commandapi.Config{
		Dispatcher: d.Dispatcher, Sessions: sessions, Throttle: auth.NewThrottle(time.Now),
		Hasher: auth.NewHasher(a.hashing, 2, 64), Newcomers: auth.NewHasher(a.hashing, 1, 128),
		Revocations: a.revocations, Tickets: live.NewTickets(d.pool), Admission: limits, Logger: a.logger, Now: time.Now,
	})
	a.checks = append(a.checks, check{"log", postgres.Answers(d.pool)})
	a.work("housekeeping", func(ctx context.Context) error { return a.houseKeep(ctx, d.log, sessions) })
	return nil
}

// houseKeep deletes what has expired, at once and then now and again: of processes that
// all end within the hour none would, otherwise.
func (a *App) houseKeep(ctx context.Context, log *eventlog.Log, sessions *auth.Sessions) error {
	for {
		if err := log.ForgetCommands(ctx); err != nil && ctx.Err() == nil {
			a.logger.Warn("expired commands were not deleted", "error", err)
		}
		if err := sessions.Prune(ctx); err != nil && ctx.Err() == nil {
			a.logger.Warn("expired sessions were not deleted", "error", err)
		}
		if !pause.For(ctx, a.tidied) {
			return nil
		}
	}
}

// startQuery is the query role.
func (a *App) startQuery(ctx context.Context) error {
	// Plans for any arguments, but of lists, which ask for their own: planning takes
	// longer than most questions.
	p, err := a.pool(ctx, postgres.RoleQuery, a.MaxConns, map[string]string{"plan_cache_mode": "force_generic_plan"})
	if err != nil {
		return err
	}
	v, err := a.vault(ctx, p)
	if err != nil {
		return err
	}
	keys, err := a.keyring()
	if err != nil {
		return err
	}
	if err := a.startVerifier(ctx, p, keys); err != nil {
		return err
	}
	log := eventlog.NewReader(p)
	positions := cache.NewPositions(cache.Config{
		Views: projections.Views(), Pool: p, NATS: a.nats, Head: log.Head, Standby: log.Standby, Logger: a.logger,
	})
	positions.OnForget(v.Clear)
	answerer := query.NewAnswerer(p, v)
	positions.OnForget(answerer.Forget)
	hub := live.NewHub(mostStreams, streamsEach)
	positions.OnChange(hub.Changed)
	a.ending = append(a.ending, hub.Close)
	answers, err := cache.New(positions, a.CacheBytes, telemetry.NewCache(a.registry))
	if err != nil {
		return err
	}
	a.onClose(answers.Close)
	a.revocations.OnErased(positions.Forget) // also while no view tells of it, and again once a standby has it
	a.work("positions", positions.Run)
	alone, gathered, past := answerer.Loads()
	telemetry.Reading(a.registry, answers.Bytes, positions.Waiting, answerer.Remembered, alone, gathered, past)
	api := queryapi.New(answerer, answers, positions)
	api.Register(a.echo())
	api.RegisterStream(a.echo(), a.streams(hub, live.NewTickets(p), positions))
	a.checks = append(a.checks, check{"read models", postgres.Answers(p)})
	a.beginnings = append(a.beginnings,
		check{"views", caughtUp(log.Head, leastApplied(positions), building(p))},
		check{"hot answers", warm(positions, api)})
	return nil
}

// projectorConns is how many connections all views of a process share.
const projectorConns = 8

// startProjector is the projector role.
func (a *App) startProjector(ctx context.Context) error {
	// Rows and checkpoint fall back together, so their commits need not be synced.
	p, err := a.pool(ctx, postgres.RoleProjector, projectorConns, map[string]string{"synchronous_commit": "off"})
	if err != nil {
		return err
	}
	js, err := jetstream.New(a.nats.Conn)
	if err != nil {
		return err
	}
	feed := bus.NewReader(js, wire.Stream, func(err error) { a.logger.Debug("feed", "error", err) })
	log := eventlog.NewReader(p)
	cfg := projector.Config{
		Pool: p, Log: log, Feed: projector.NewFeed(feed, log, a.handover), Changes: a.nats,
		Views: projections.Views(), Rebuilds: true, Metrics: telemetry.NewProjection(a.registry), Tracer: a.tracer, Logger: a.logger,
	}
	a.work("projector", projector.New(cfg).Run)
	announce := func(b projections.Build) { projector.Announce(cfg, b) }
	// Connections that rebuilds leave idle are none that a view could have.
	building, err := a.poolNamed(ctx, "projector_rebuild", postgres.RoleProjector, 4, map[string]string{"synchronous_commit": "off"})
	if err != nil {
		return err
	}
	a.work("rebuilds", rebuild.New(rebuild.Config{
		Pool: building, Views: cfg.Views, Requests: a.requests.Answered, Announce: announce, Logger: a.logger,
	}).Run)
	a.operate = append(a.operate, func(e *echo.Echo) {
		admin.RegisterProjections(e, admin.Projections{Pool: building, Views: cfg.Views, Announce: announce})
	})
	a.checks = append(a.checks, check{"projections", postgres.Answers(p)})
	return nil
}
