package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"sical-backend/internal/embedded"
	"sical-backend/internal/postgres"
)

type pool = *pgxpool.Pool

var roles = []string{
	postgres.RoleCommand, postgres.RoleRelay, postgres.RoleProjector, postgres.RoleQuery, postgres.RoleReaction, postgres.RoleMonitor,
}

// start brings up what the process stands on: the Postgres and the NATS it was
// given, or private ones, and the schema in it.
func (a *App) start(ctx context.Context) error {
	instance, err := embedded.Start(ctx, embedded.Options{
		DataDir: a.DataDir, PostgresBin: a.PostgresBin, Logger: a.logger,
		SkipPostgres: a.PostgresURL != "", SkipNATS: a.NATSURL != "",
	})
	if err != nil {
		return err
	}
	a.instance = instance
	a.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := instance.Close(ctx); err != nil {
			a.logger.Warn("private servers", "error", err)
		}
	})
	admin := a.PostgresURL
	if instance.Postgres != nil {
		admin = instance.Postgres.AdminURL
	}
	applied, err := postgres.Migrate(ctx, admin)
	if err != nil {
		return err
	}
	if len(applied) > 0 {
		a.logger.Info("schema migrated", "files", len(applied))
	}
	a.urls = map[string]string{}
	for _, role := range roles {
		a.urls[role] = a.PostgresURL
		if p := instance.Postgres; p != nil {
			a.urls[role] = p.URL(role)
		}
	}
	if p := instance.Postgres; p != nil && p.Password != "" {
		if err := postgres.SetPasswords(ctx, admin, p.Password, roles...); err != nil {
			return err
		}
	}
	a.natsURL = a.NATSURL
	if instance.NATS != nil {
		a.natsURL = instance.NATS.URL
		return a.connect(instance.NATS.InProcess())
	}
	return a.connect()
}

// join uses backends that others run: the ones given, or those of the process
// that works in the data folder. It fails with embedded.ErrNotRunning where
// there is neither.
func (a *App) join() error {
	a.urls = map[string]string{}
	if a.PostgresURL != "" && a.NATSURL != "" {
		for _, role := range roles {
			a.urls[role] = a.PostgresURL
		}
		a.natsURL = a.NATSURL
		return a.connect()
	}
	run, err := embedded.ReadRun(a.DataDir)
	if err != nil {
		return err
	}
	a.urls, a.natsURL = run.PostgresURLs, run.NATSURL
	a.publicURL, a.adminURL = run.PublicURL, run.AdminURL
	return a.connect()
}

// joinOrStart uses the running process of the data folder, or stands up what it
// would stand on for as long as this one runs.
func (a *App) joinOrStart(ctx context.Context) error {
	err := a.join()
	if errors.Is(err, embedded.ErrNotRunning) {
		return a.start(ctx)
	}
	return err
}

// connect opens the connection to NATS. It is kept for ever: losing NATS costs
// latency and nothing else.
func (a *App) connect(options ...nats.Option) error {
	options = append(options, nats.Name("sical"), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(250*time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				a.logger.Warn("nats: connection lost", "error", err)
			}
		}))
	conn, err := nats.Connect(a.natsURL, options...)
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	a.nats = conn
	a.onClose(conn.Close)
	return nil
}

// pool opens a pool that acts as a role.
func (a *App) pool(ctx context.Context, role string, conns int32, params map[string]string) (pool, error) {
	options := postgres.Options{Role: role, MaxConns: conns, Params: params}
	if a.database != nil {
		options.Tracer = &postgres.Monitor{Metrics: a.database, Logger: a.logger, Slow: a.SlowQuery}
	}
	p, err := postgres.Open(ctx, a.urls[role], options)
	if err != nil {
		return nil, fmt.Errorf("postgres as %s: %w", role, err)
	}
	remove := a.pools.Add(role, p)
	a.onClose(func() {
		remove()
		p.Close()
	})
	return p, nil
}
