package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres is a private Postgres that runs as a child of this process.
type Postgres struct {
	// Source says what runs and where it came from, for the banner.
	Source string
	// AdminURL connects as superuser, for migrations only. Its database, sical, has
	// UTF8 text in the C locale.
	AdminURL string
	// ShownURL is AdminURL without its password, for what people are told.
	ShownURL string
	// Password is what migrations must give each role that logs in. It is empty
	// where Postgres is reached over its socket, and then no role needs one.
	Password string
	// PasswordFile is where Password stands too, which is the superuser's as well; empty
	// where there is none.
	PasswordFile string

	launch  *launch
	process *process
	log     *logFile
	closing chan struct{}
	failed  chan error
}

// URL is the URL with which a role connects to the database of sical.
func (p *Postgres) URL(role string) string { return p.launch.url(role, database) }

func startPostgres(ctx context.Context, o Options) (*Postgres, error) {
	found, err := findServer(ctx, sources(o), o.DataDir)
	if err != nil {
		return nil, err
	}
	return runServer(ctx, found, o)
}

func runServer(ctx context.Context, found server, o Options) (*Postgres, error) {
	ForgetOtherServers()
	l, err := found.prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	log, err := openLog(filepath.Join(o.DataDir, "postgres.log"))
	if err != nil {
		return nil, err
	}
	l.cmd.Stdout, l.cmd.Stderr = log.file, log.file
	child, err := startProcess(l.cmd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start postgres: %w", err), log.file.Close())
	}
	p := &Postgres{
		Source:   found.String(),
		AdminURL: l.url(superuser, database), ShownURL: l.bare(superuser, database).String(),
		Password: l.password, PasswordFile: l.passwordFile,
		launch: l, process: child, log: log,
		closing: make(chan struct{}),
		failed:  make(chan error, 1),
	}
	if err := p.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, p.close(context.WithoutCancel(ctx)))
	}
	go p.watch()
	return p, nil
}

// ForgetOtherServers removes the variables of Postgres's clients from the environment.
// The driver heeds them as the server's own programs do, even beside a URL that names
// everything: a service, a session that has to be read-only, a search path. It is for who
// works with a private server.
func ForgetOtherServers() {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "PG") {
			os.Unsetenv(name)
		}
	}
}

// awaitReady connects until it works. There is no limit but ctx's: a Postgres that
// recovers from a crash may need minutes, and says so.
func (p *Postgres) awaitReady(ctx context.Context) error {
	for wait := 2 * time.Millisecond; ; wait = min(wait*5/4, 250*time.Millisecond) {
		err := p.ensureDatabase(ctx)
		if err == nil {
			return nil
		}
		var refusal *pgconn.PgError
		if errors.As(err, &refusal) && refusal.Code != "57P03" { // cannot_connect_now
			return fmt.Errorf("postgres: %w", err)
		}
		select {
		case <-p.process.done:
			return p.ended("ended while starting")
		case <-ctx.Done():
			return fmt.Errorf("postgres did not become ready: %w", err)
		case <-time.After(wait):
		}
	}
}

// ensureDatabase connects to the database and makes it if this is the first start.
func (p *Postgres) ensureDatabase(ctx context.Context) error {
	conn, err := pgconn.Connect(ctx, p.AdminURL)
	if err == nil {
		return conn.Close(ctx)
	}
	if !isMissingDatabase(err) {
		return err
	}
	if conn, err = pgconn.Connect(ctx, p.launch.url(superuser, "postgres")); err != nil {
		return err
	}
	if err = pressPages(ctx, conn); err == nil {
		_, err = conn.Exec(ctx, `create database `+database).ReadAll()
	}
	return errors.Join(err, conn.Close(ctx))
}

// pressPages has pages in the write-ahead log compressed by LZ4, which takes a fifth of
// the time of Postgres's own method, where the server was built with it.
func pressPages(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, `alter role all set wal_compression = 'lz4'`).ReadAll()
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok && refusal.Code == "22023" { // invalid_parameter_value
		return nil
	}
	return err
}

func isMissingDatabase(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == "3D000"
}

// watch reports an end nobody asked for.
func (p *Postgres) watch() {
	select {
	case <-p.closing:
	case <-p.process.done:
		p.failed <- p.ended("ended by itself")
	}
}

// ended says how the server has ended, and of a full disk what to do: it goes down
// where its write-ahead log has no room, and starts again once that has.
func (p *Postgres) ended(how string) error {
	if p.log.outOfRoom() {
		return fmt.Errorf("postgres %s as the disk is full: make room and start again, nothing that was acknowledged is lost; %s says more", how, p.log.name)
	}
	return fmt.Errorf("postgres %s: %s; the end of %s:\n%s", how, p.process.end(), p.log.name, p.log.tail())
}

func (p *Postgres) close(ctx context.Context) error {
	close(p.closing)
	err := p.process.stop(ctx)
	if p.launch.cleanup != nil {
		p.launch.cleanup()
	}
	return errors.Join(err, p.log.file.Close())
}

// lastLines is the end of a program's output, enough to tell why it failed.
func lastLines(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}
