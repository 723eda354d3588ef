package testkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/embedded"
)

// The servers of this test binary. They are package state because starting one for
// each test would take most of the tests' time, and a test binary has no other place
// for what its tests share.
var (
	inMain atomic.Bool

	quick = shared{settings: map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
		"max_connections": "1000", // of as many tests at once as a machine has cores
		"shared_buffers":  "64MB",
	}}
	durable = shared{settings: map[string]string{"max_connections": "200"}}
)

// PostgresBin is the server that the tests shall run on, named as sical itself takes it;
// empty for the first that is found. It is that from before a TestMain may remove it from
// the environment: no sical takes it beside a URL.
func PostgresBin() string {
	_ = os.Getenv(postgresBin) // so that go test takes no result of another server for this one's
	return givenBin
}

var givenBin = os.Getenv(postgresBin)

const postgresBin = "SICAL_POSTGRES_BIN"

// shared is a server that is started when the first test asks.
type shared struct {
	settings map[string]string
	once     sync.Once
	server   *Server
	err      error
	instance *embedded.Instance
	dir      string
}

// Postgres returns the server this test binary shares. It keeps nothing safe from a
// power cut, which makes it quick.
func Postgres(t testing.TB) *Server {
	t.Helper()
	return quick.get(t)
}

// DurablePostgres returns another shared server, with the settings of production:
// for benchmarks, and tests of what survives.
func DurablePostgres(t testing.TB) *Server {
	t.Helper()
	return durable.get(t)
}

func (s *shared) get(t testing.TB) *Server {
	t.Helper()
	if !inMain.Load() {
		t.Fatal("testkit: this package needs func TestMain(m *testing.M) { testkit.Main(m) }, which stops the server")
	}
	s.once.Do(func() { s.err = s.start() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

func (s *shared) start() (err error) {
	if s.dir, err = openDir(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience) // of a cold start on a slow disk
	defer cancel()
	s.instance, err = embedded.Start(ctx, embedded.Options{
		DataDir: s.dir, PostgresBin: PostgresBin(),
		Settings: s.settings, SkipNATS: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(s.dir))
	}
	admin, err := pgxpool.New(context.Background(), s.instance.Postgres.AdminURL)
	if err != nil {
		return err
	}
	s.server = &Server{postgres: s.instance.Postgres, admin: admin, templates: map[uintptr]*template{}}
	return nil
}

func (s *shared) stop() error {
	if s.instance == nil {
		return nil
	}
	if s.server != nil {
		s.server.admin.Close()
	}
	ctx, cancel := context.WithCancel(context.Background())
	if s.settings["fsync"] == "off" {
		cancel() // nothing to save: no last checkpoint
	}
	defer cancel()
	err := s.instance.Close(ctx)
	if ctx.Err() != nil {
		err = nil // that it was hurried is what was asked for
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// openDir makes a temporary folder that another user may pass: as root the server
// runs as one.
func openDir() (string, error) {
	dir, err := os.MkdirTemp("", "sical-test-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return "", fmt.Errorf("testkit: %w", err)
	}
	return dir, nil
}
