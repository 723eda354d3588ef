package webhook

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/reaction"
	"sical-backend/internal/tail"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
	"sical-backend/internal/web"
	"sical-backend/internal/wire"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

type quiet struct{}

func (quiet) Appended(int, float64)           {}
func (quiet) Refused()                        {}
func (quiet) Retried()                        {}
func (quiet) Reacted(string, string, float64) {}
func (quiet) Serving(string, int, int)        {}

var (
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	brief    = reaction.Patience{Quick: 1, First: 5 * time.Millisecond, Slow: 10 * time.Millisecond, Slowest: 50 * time.Millisecond, GiveUp: time.Hour}
	secret   = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a key of twenty-four bytes"))
)

// world is a log with a dispatcher, and processes that deliver.
type world struct {
	t        *testing.T
	db       *testkit.DB
	pool     *pgxpool.Pool // of the reaction role
	admin    *pgxpool.Pool
	vault    *vault.Vault
	dispatch *dispatch.Dispatcher
	disable  func(webhook, cause events.ID, reason string) error
	logger   *slog.Logger
	log      Log // what webhooks are made of
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: testkit.Database(t, migrated), logger: slog.New(slog.DiscardHandler)}
	w.pool, w.admin = w.open(postgres.RoleReaction), w.open("")
	w.log = eventlog.NewReader(w.pool)
	commands := w.open(postgres.RoleCommand)
	var err error
	w.vault, err = vault.New(commands, []byte("a master secret for tests, 32 bytes and more"))
	require.NoError(t, err)
	log := eventlog.Open(eventlog.Config{Pool: commands, Vault: w.vault, Logger: w.logger, Meter: quiet{}})
	t.Cleanup(log.Close)
	w.dispatch = dispatch.New(log, w.vault)
	w.disable = func(id, cause events.ID, reason string) error {
		return w.because(cause, "webhook.disable", &command.DisableWebhook{Of: about(id), Reason: reason})
	}
	return w
}

func (w *world) open(role string) *pgxpool.Pool {
	w.t.Helper()
	pool, err := postgres.Open(w.t.Context(), w.db.AdminURL, postgres.Options{Role: role, MaxConns: 6})
	require.NoError(w.t, err)
	w.t.Cleanup(pool.Close)
	return pool
}

// do carries a command out as an admin and returns what it was about.
func (w *world) do(name string, c command.Command) events.ID {
	w.t.Helper()
	require.NoError(w.t, w.try(name, c))
	return *c.Subject()
}

func (w *world) try(name string, c command.Command) error { return w.because(events.ID{}, name, c) }

func (w *world) because(cause events.ID, name string, c command.Command) error {
	rule, _ := command.RuleNamed(name)
	now := time.Now()
	return w.dispatch.Do(context.Background(), &dispatch.Request{
		Rule: rule, Command: c, Correlation: "request-7", Causation: cause, Given: command.Given{Role: events.Admin, At: now, Now: now},
	}).Err
}

func about(id events.ID) command.Of { return command.Of{ID: id} }

// hook registers a webhook.
func (w *world) hook(url string, types ...string) events.ID {
	w.t.Helper()
	return w.do("webhook.register", &command.RegisterWebhook{Of: about(uuid.New()), URL: url, EventTypes: types, Key: secret})
}

// points makes some points and returns their ids.
func (w *world) points(n int) (ids []events.ID) {
	w.t.Helper()
	for range n {
		ids = append(ids, w.do("point.create", &command.CreatePoint{Of: about(uuid.New()), Title: "图论"}))
	}
	return ids
}

// deliver runs a delivering process until stop is called or the test ends.
func (w *world) deliver(p reaction.Patience, allowed []netip.Prefix, feed tail.Feed) (stop func()) {
	w.t.Helper()
	client := web.NewOutsideClient(allowed)
	hooks := New(Config{
		Pool: w.pool, Log: w.log, Vault: w.vault, Client: client, Logger: w.logger, Now: time.Now,
		Disable: func(ctx context.Context, id, cause events.ID, reason string) error {
			if _, ends := ctx.Deadline(); !ends {
				w.t.Error("disabling has no end")
			}
			return w.disable(id, cause, reason)
		},
	})
	runtime := reaction.New(reaction.Config{
		Pool: w.pool, Log: eventlog.NewReader(w.pool), Feed: feed, Reaction: hooks, Patience: p, Meter: quiet{}, Logger: w.logger,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runtime.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(w.t, testkit.Receive(w.t, done))
		client.CloseIdleConnections()
	})
	w.t.Cleanup(stop)
	return stop
}

// feed is the stream as a process reads it.
func (w *world) feed(js jetstream.JetStream) tail.Feed {
	return tail.Bus{Reader: bus.NewReader(js, wire.Stream, func(error) {})}
}

// got is a delivery as a receiver sees it.
type got struct {
	ID, Type, Subject, Position, Incarnation, CorrelationID string

	Data   map[string]any
	header http.Header
	body   []byte
}

// receiver keeps what it is sent; answer may be replaced before it serves.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	list   []got
	answer func(n int, g got) int // of the n-th delivery, from 0
}

func newReceiver(t *testing.T, answer func(n int, g got) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		text, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		g := got{header: request.Header, body: text}
		if err := json.Unmarshal(text, &g, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		n := len(r.list)
		r.list = append(r.list, g)
		r.mu.Unlock()
		if r.answer != nil {
			w.WriteHeader(r.answer(n, g))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.list...)
}

// subjects waits for n deliveries and tells what they were about.
func (r *receiver) subjects(t *testing.T, n int) (ids []events.ID) {
	t.Helper()
	testkit.Eventually(t, func() error {
		if len(r.got()) < n {
			return errors.New("deliveries are missing")
		}
		return nil
	})
	for _, g := range r.got() {
		ids = append(ids, events.Stream(g.Subject).ID())
	}
	return ids
}

// told waits until a receiver was told of these, in order; of none twice where its webhook was
// taken so many times. Where it was taken more often, an owner stood still between a delivery and its
// commit for as long as a lease lasts: who comes after delivers again, and one that goes on too late.
func (w *world) told(r *receiver, ids []events.ID, id events.ID, taken int) {
	w.t.Helper()
	var all, once []events.ID
	testkit.Eventually(w.t, func() error {
		all, once = r.subjects(w.t, 0), nil
		for _, s := range all {
			if !slices.Contains(once, s) {
				once = append(once, s)
			}
		}
		if len(once) < len(ids) {
			return errors.New("deliveries are missing")
		}
		return nil
	})
	var epoch int
	require.NoError(w.t, w.admin.QueryRow(w.t.Context(), `select epoch from sical.reaction where consumer = $1`, id).Scan(&epoch))
	if epoch == taken {
		once = all
	}
	require.Equal(w.t, ids, once)
}
