package testkit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/embedded"
)

// Server is a Postgres shared by the tests of one binary.
type Server struct {
	postgres  *embedded.Postgres
	admin     *pgxpool.Pool // kept: to connect may take as long as to make a database
	created   atomic.Int64
	mu        sync.Mutex // templates are prepared one at a time: they make the same roles
	templates map[uintptr]*template
}

type template struct {
	name string
	err  error
}

// DB is a database of one test.
type DB struct {
	Name string
	// AdminURL connects as superuser.
	AdminURL string
	server   *Server
}

// Database returns a new database of the shared quick server; see Server.Database.
func Database(t testing.TB, prepare func(adminURL string) error) *DB {
	t.Helper()
	return Postgres(t).Database(t, prepare)
}

// Database returns a new database and drops it when the test ends. It is a copy of
// one that prepare filled (migrations, say); prepare runs once for each test binary,
// and must close its connections. The same function means the same copy, so that it
// must not depend on what it captured. Nil gives an empty database.
func (s *Server) Database(t testing.TB, prepare func(adminURL string) error) *DB {
	t.Helper()
	from, err := s.template(prepare)
	if err != nil {
		t.Fatal("testkit: prepare the template: ", err)
	}
	name := fmt.Sprintf("test_%d", s.created.Add(1))
	if err := s.exec(`create database ` + name + ` template ` + from); err != nil {
		t.Fatal("testkit: ", err)
	}
	t.Cleanup(func() {
		if err := s.exec(`drop database ` + name + ` with (force)`); err != nil {
			t.Error("testkit: ", err)
		}
	})
	return &DB{Name: name, AdminURL: in(s.postgres.AdminURL, name), server: s}
}

// URL connects to the database as a role.
func (d *DB) URL(role string) string { return in(d.server.postgres.URL(role), d.Name) }

// Through connects to the database as a role through a proxy in front of Socket.
func (d *DB) Through(p *FaultyProxy, role string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", role, p.Address, d.Name)
}

// Socket is the path of the server's socket, a target for Proxy.
func (d *DB) Socket() string {
	address, err := url.Parse(d.server.postgres.AdminURL)
	if err != nil {
		panic(err) // embedded wrote it
	}
	return address.Query().Get("host") + "/.s.PGSQL." + address.Query().Get("port")
}

// template returns the name of the database that prepare filled, filling it first
// if this is the first test that needs it.
func (s *Server) template(prepare func(adminURL string) error) (string, error) {
	if prepare == nil {
		return "template0", nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := reflect.ValueOf(prepare).Pointer()
	if known := s.templates[key]; known != nil {
		return known.name, known.err
	}
	made := &template{name: fmt.Sprintf("template_%d", len(s.templates)+2)}
	if made.err = s.exec(`create database ` + made.name); made.err == nil {
		made.err = prepare(in(s.postgres.AdminURL, made.name))
	}
	s.templates[key] = made
	return made.name, made.err
}

// objectInUse is what Postgres says of a database that somebody is connected to.
const objectInUse = "55006"

// exec runs a statement that no database of a test may be connected for. On a busy machine
// a backend is there for a while after its client has closed the connection, longer than
// Postgres itself waits for it: then once more.
func (s *Server) exec(statement string) (err error) {
	_ = poll(patience, func() error {
		var refusal *pgconn.PgError
		if _, err = s.admin.Exec(context.Background(), statement); errors.As(err, &refusal) && refusal.Code == objectInUse {
			return err
		}
		return nil
	})
	return err
}

// in is the URL with another database.
func in(address, database string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // embedded wrote it
	}
	u.Path = "/" + database
	return u.String()
}
