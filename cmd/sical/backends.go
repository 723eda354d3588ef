package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/embedded"
	"sical-backend/internal/postgres"
)

type pool = *pgxpool.Pool

var roles = []string{
	postgres.RoleCommand, postgres.RoleRelay, postgres.RoleProjector, postgres.RoleQuery, postgres.RoleReaction, postgres.RoleMonitor,
}

// backends tells what others run for this process: what both URLs name, or what the
// process in the data folder stands on. It fails with embedded.ErrNotRunning where there
// is neither. One URL alone names a system only where it is that process's own: anything
// else would operate on another than was meant.
func (c *Config) backends() (embedded.Run, error) {
	if c.PostgresURL != "" && c.NATSURL != "" {
		return embedded.Run{PostgresURLs: forEachRole(func(string) string { return c.PostgresURL }), NATSURL: c.NATSURL}, nil
	}
	run, err := embedded.ReadRun(c.DataDir)
	if c.PostgresURL == "" && c.NATSURL == "" || err != nil && !errors.Is(err, embedded.ErrNotRunning) {
		return run, err
	}
	if err == nil && (c.PostgresURL == run.PostgresURLs[postgres.RoleCommand] || c.NATSURL == run.NATSURL) {
		return run, nil
	}
	given, lacks := "--postgres-url", "--nats-url"
	if c.PostgresURL == "" {
		given, lacks = lacks, given
	}
	return run, usageError{fmt.Errorf("%s is given without %s, and no sical serve works in %s with it: give both, or neither for what works in the data folder", given, lacks, c.DataDir)}
}

func forEachRole(url func(role string) string) map[string]string {
	urls := map[string]string{}
	for _, role := range roles {
		urls[role] = url(role)
	}
	return urls
}

// join uses backends that others run, whose schema is theirs to bring up: it fails where
// that is behind this binary, and with embedded.ErrNotRunning where there are none.
func (a *App) join(ctx context.Context) error {
	run, err := a.backends()
	if err != nil {
		return err
	}
	if a.PostgresURL == "" {
		embedded.ForgetOtherServers()
	}
	if err := current(ctx, run.PostgresURLs[postgres.RoleCommand]); err != nil {
		return err
	}
	a.urls, a.natsURL = run.PostgresURLs, run.NATSURL
	a.publicURL, a.adminURL = run.PublicURL, run.AdminURL
	return a.connect()
}

// current fails where migrations of this binary are pending.
func current(ctx context.Context, url string) error {
	pending, err := postgres.Pending(ctx, url)
	if err == nil && len(pending) > 0 {
		err = fmt.Errorf("the schema is older than this binary, sical migrate brings it up: %s is pending", strings.Join(pending, ", "))
	}
	return err
}

// joinOrStart uses backends that others run, or stands up private ones in the data folder
// for as long as this process runs. It is for who brings something in.
func (a *App) joinOrStart(ctx context.Context) error {
	err := a.join(ctx)
	if errors.Is(err, embedded.ErrNotRunning) {
		return a.start(ctx)
	}
	return err
}

// joinOrRevive is joinOrStart for who asks after what there is: it makes no new system.
func (a *App) joinOrRevive(ctx context.Context) error {
	err := a.join(ctx)
	if !errors.Is(err, embedded.ErrNotRunning) {
		return err
	}
	if err := a.holds(); err != nil {
		return err
	}
	return a.start(ctx)
}

// holds fails where there is no system in the data folder.
func (c *Config) holds() error {
	if held, err := embedded.Holds(c.DataDir); held || err != nil {
		return err
	}
	return fmt.Errorf("there is no system in %s: sical serve makes one, --data-dir names another folder", c.DataDir)
}

// start stands up what the process was not given, and brings the schema up.
func (a *App) start(ctx context.Context) error {
	admin, err := a.standUp(ctx)
	if err != nil {
		return err
	}
	applied, err := postgres.Migrate(ctx, admin)
	if err != nil {
		return err
	}
	if len(applied) > 0 {
		a.logger.Info("schema migrated", "files", len(applied))
	}
	if p := a.instance.Postgres; p != nil && p.Password != "" {
		if err := postgres.SetPasswords(ctx, admin, p.Password, roles...); err != nil {
			return err
		}
	}
	if nats := a.instance.NATS; nats != nil {
		return a.connect(nats.InProcess())
	}
	return a.connect()
}

// standUp starts a private Postgres and NATS where no URL was given, and returns the URL
// of the database's owner.
func (a *App) standUp(ctx context.Context) (admin string, err error) {
	if a.NATSURL == "" && a.StreamReplicas > 1 {
		return "", usageError{errors.New("--stream-replicas: the embedded NATS is one server; --nats-url names a cluster")}
	}
	instance, err := embedded.Start(ctx, embedded.Options{
		DataDir: a.DataDir, PostgresBin: a.PostgresBin, Settings: a.privateSettings(), Logger: a.logger,
		SkipPostgres: a.PostgresURL != "", SkipNATS: a.NATSURL != "",
	})
	if err != nil {
		return "", err
	}
	a.instance = instance
	a.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := instance.Close(ctx); err != nil {
			a.logger.Warn("private servers", "error", err)
		}
	})
	admin, a.natsURL = a.PostgresURL, a.NATSURL
	a.urls = forEachRole(func(string) string { return a.PostgresURL })
	if p := instance.Postgres; p != nil {
		admin, a.urls = p.AdminURL, forEachRole(p.URL)
	}
	if n := instance.NATS; n != nil {
		a.natsURL = n.URL
	}
	return admin, nil
}

// privateSettings has the private Postgres take every connection of this process, twice
// --max-conns and 22, and of tools beside it.
func (c *Config) privateSettings() map[string]string {
	return map[string]string{"max_connections": strconv.FormatInt(42+2*int64(max(c.MaxConns, 10)), 10)}
}

// pool opens a pool that acts as a role and is told of by its name.
func (a *App) pool(ctx context.Context, role string, conns int32, params map[string]string) (pool, error) {
	return a.poolNamed(ctx, strings.TrimPrefix(role, "sical_"), role, conns, params)
}

// poolNamed opens one more pool that acts as a role, told of by a name of its own.
func (a *App) poolNamed(ctx context.Context, name, role string, conns int32, params map[string]string) (pool, error) {
	options := postgres.Options{Role: role, MaxConns: conns, Params: params}
	if a.database != nil {
		options.Tracer = &postgres.Monitor{Metrics: a.database, Logger: a.logger, Slow: a.SlowQuery}
	}
	p, err := postgres.Open(ctx, a.urls[role], options)
	if err != nil {
		return nil, fmt.Errorf("postgres as %s: %w", role, err)
	}
	remove := a.pools.Add(name, p)
	a.onClose(func() {
		remove()
		p.Close()
	})
	return p, nil
}
