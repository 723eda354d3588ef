// Package postgres opens the pools that everything here talks to the database
// through, each as the least privileged role that does its work, and keeps the
// schema's migrations.
package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The roles of the services; the migrations create them.
const (
	RoleCommand   = "sical_command"
	RoleRelay     = "sical_relay"
	RoleProjector = "sical_projector"
	RoleQuery     = "sical_query"
	RoleReaction  = "sical_reaction"
	RoleMonitor   = "sical_monitor"
)

// Options of a pool; the zero value gives the defaults.
type Options struct {
	// Role is acted as; empty for the login's own.
	Role string
	// MaxConns bounds the open connections. The sum over all processes must stay
	// below the server's max_connections; on two cores more than ten busy ones
	// only make each of them slower.
	MaxConns int32
	// Params are settings of each connection, such as synchronous_commit.
	Params map[string]string
	Tracer pgx.QueryTracer
}

// Querier is a pool or a transaction, for what one row answers.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// connecting is for how long a connection is tried, where the URL names no
// connect_timeout. A server that answers nothing, as one that is gone without a word,
// would keep a place of the pool for pgx's two minutes, also from the one that has taken
// over its address.
const connecting = 5 * time.Second

// pgxIdleTime is how long pgx keeps an idle connection where nobody says.
const pgxIdleTime = 30 * time.Minute

// ErrTextResults is returned for a URL by which results would be texts: rows are read here as
// the server sends them otherwise.
var ErrTextResults = errors.New("default_query_exec_mode must be one that describes statements: cache_statement, cache_describe or describe_exec")

// Parse reads the URL of a database. It fails with ErrTextResults, or as the driver does,
// whose error may repeat a password.
func Parse(url string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	switch cfg.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		return nil, ErrTextResults
	}
	return cfg, nil
}

// Open makes a pool on the database at url and checks that it answers. It fails as Parse does.
func Open(ctx context.Context, url string, o Options) (*pgxpool.Pool, error) {
	cfg, err := Parse(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = max(o.MaxConns, 2)
	// A connection lives for an hour by pgx's own defaults; the URL may say otherwise of
	// all of these (pool_max_conn_lifetime, …_jitter, pool_max_conn_idle_time).
	if cfg.MaxConnLifetimeJitter == 0 {
		cfg.MaxConnLifetimeJitter = 5 * time.Minute
	}
	if cfg.MaxConnIdleTime == pgxIdleTime {
		cfg.MaxConnIdleTime = 10 * time.Minute
	}
	cfg.PingTimeout = 2 * time.Second
	c := cfg.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connecting
	}
	c.DialFunc = dialer(c.ConnectTimeout).DialContext
	c.Tracer = o.Tracer
	c.RuntimeParams["application_name"] = "sical"
	c.RuntimeParams["idle_in_transaction_session_timeout"] = "30s"
	if o.Role != "" && o.Role != c.User {
		c.RuntimeParams["role"] = o.Role
	}
	for k, v := range o.Params {
		c.RuntimeParams[k] = v
	}
	// A cancelled context asks the server to cancel instead of cutting the
	// connection, which under deadlines would mean a storm of new ones.
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, CancelRequestDelay: 0, DeadlineDelay: time.Second}
	}
	// After a failover a connection may be to what is a standby now, while others go to
	// the server that writes.
	keeps := c.OnPgError
	c.OnPgError = func(conn *pgconn.PgConn, refusal *pgconn.PgError) bool {
		return refusal.Code != readOnly && keeps(conn, refusal)
	}
	cfg.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		useIDs(conn.TypeMap())
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}
