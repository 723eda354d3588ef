package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	// goose: versioned SQL files, a lock against concurrent runs, and a way to
	// ask what is pending; MIT, kept, and the schema stays plain SQL.
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

// Pending lists the migrations that Migrate would apply, without applying any.
func Pending(ctx context.Context, url string) ([]string, error) {
	provider, done, err := provider(url)
	if err != nil {
		return nil, err
	}
	defer done()
	statuses, err := provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	var pending []string
	for _, s := range statuses {
		if s.State == goose.StatePending {
			pending = append(pending, s.Source.Path)
		}
	}
	return pending, nil
}

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
		goose.WithSessionLocker(locker), goose.WithTableName("public.sical_migration"))
	if err != nil {
		return nil, nil, err
	}
	return p, p.Close, nil
}

// SetPasswords lets the roles log in with a password, for a server that is
// reached over TCP.
func SetPasswords(ctx context.Context, url, password string, roles ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, role := range roles {
		sql := fmt.Sprintf("alter role %s password '%s'", pgx.Identifier{role}.Sanitize(), strings.ReplaceAll(password, "'", "''"))
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("password of %s: %w", role, err)
		}
	}
	return nil
}
