package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	// goose: versioned SQL files and a lock against concurrent runs; MIT, kept, and
	// the schema stays plain SQL.
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema of the database at url up to this binary's and
// returns the names of the migrations it applied. It needs the rights to create
// schemas and roles; nothing else in the system has them.
func Migrate(ctx context.Context, url string) ([]string, error) {
	provider, done, err := provider(url)
	if err != nil {
		return nil, err
	}
	defer done()
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	var applied []string
	for _, r := range results {
		applied = append(applied, r.Source.Path)
	}
	return applied, nil
}

// Pending lists the migrations that Migrate would apply, and changes nothing: not even
// the table of them is made. Any role of the services may ask.
func Pending(ctx context.Context, url string) (pending []string, err error) {
	cfg, err := Parse(url) // as for the services' pools
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg.ConnConfig)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, _ := conn.Query(ctx, `select version_id from `+appliedTable+` where is_applied`)
	done, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	switch {
	case UndefinedTable(err):
		done, err = nil, nil
	case notAllowed(err): // before 00018_pending.sql no role of the services was
		err = fmt.Errorf("%w: the schema is older than this binary, and sical migrate brings it up, or %s is none of its roles", err, cfg.ConnConfig.User)
	}
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		name := path.Base(file)
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(done, version) {
			pending = append(pending, name)
		}
	}
	return pending, nil
}

const appliedTable = "public.sical_migration"

func provider(url string) (*goose.Provider, func() error, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, nil, err
	}
	db := stdlib.OpenDB(*cfg)
	p, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithTableName(appliedTable))
	if err != nil {
		return nil, nil, err
	}
	return p, p.Close, nil
}
