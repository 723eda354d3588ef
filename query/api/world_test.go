package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/live"
	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
	"sical-backend/internal/web"
	"sical-backend/projections"
	"sical-backend/query"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// world is a query node on a database whose views a test fills with events of
// its own making.
type world struct {
	t         testing.TB
	db        *testkit.DB
	admin     *pgxpool.Pool
	projector *pgxpool.Pool // in the role that owns the tables
	queries   *pgxpool.Pool // in the role that reads them
	vault     *vault.Vault
	server    *echo.Echo
	answerer  *query.Answerer
	api       *API
	bus       cache.Bus // where notices come from; nil for none
	hub       *live.Hub // of the streams

	incarnation func() events.ID

	log      []events.Event
	versions map[events.Stream]int
	now      time.Time
}

var beginning = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// prepare migrates a database and has a first build of each view.
func prepare(adminURL string) error {
	ctx := context.Background()
	if _, err := postgres.Migrate(ctx, adminURL); err != nil {
		return err
	}
	projector, err := postgres.Open(ctx, adminURL, postgres.Options{Role: postgres.RoleProjector})
	if err != nil {
		return err
	}
	defer projector.Close()
	for _, v := range projections.Views() {
		_, err := projector.Exec(ctx, v.DDL(v.Build(1))+v.IndexDDL(v.Build(1))+fmt.Sprintf(`
			insert into sical.view_version (view, version, serving, builds) values ('%s', %d, 1, 1)`, v.Name, v.Version))
		if err != nil {
			return err
		}
	}
	return nil
}

// newWorld opens a query node as the role it has in production; tracer may be nil.
func newWorld(t testing.TB, tracer pgx.QueryTracer) *world {
	t.Helper()
	db := testkit.Database(t, prepare)
	open := func(o postgres.Options) *pgxpool.Pool {
		o.MaxConns = 8
		pool, err := postgres.Open(t.Context(), db.AdminURL, o)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return pool
	}
	w := &world{t: t, db: db, versions: map[events.Stream]int{}, now: beginning}
	// A test's transactions stay open for as long as what it waits for takes.
	w.admin = open(postgres.Options{Params: map[string]string{"idle_in_transaction_session_timeout": "0"}})
	w.projector = open(postgres.Options{Role: postgres.RoleProjector})
	pool := open(postgres.Options{Role: postgres.RoleQuery, Tracer: tracer})
	var err error
	w.vault, err = vault.New(pool, []byte("a secret of thirty-two bytes or more"))
	require.NoError(t, err)
	w.queries = pool
	w.serve(pool)
	return w
}

func (w *world) serve(pool *pgxpool.Pool) {
	logger := slog.New(slog.DiscardHandler)
	cfg := cache.Config{Views: projections.Views(), Pool: pool, NATS: w.bus, Logger: logger, MaxWaiters: 10}
	cfg.Silence = time.Hour // there are no heartbeats here, and a slow database makes no view silent
	cfg.Head = func(ctx context.Context) (head uint64, err error) {
		err = pool.QueryRow(ctx, `select coalesce(max(position), 0) from sical.events`).Scan(&head)
		return head, err
	}
	cfg.Standby = func(ctx context.Context) (standby bool, err error) {
		err = pool.QueryRow(ctx, `select pg_is_in_recovery()`).Scan(&standby)
		return standby, err
	}
	positions := cache.NewPositions(cfg)
	w.hub = live.NewHub(100, 20)
	positions.OnChange(w.hub.Changed)
	w.incarnation = positions.Incarnation
	answers, err := cache.New(positions, 1<<20, telemetry.NewCache(prometheus.NewRegistry()))
	require.NoError(w.t, err)
	w.t.Cleanup(answers.Close)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- positions.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		require.NoError(w.t, testkit.Receive(w.t, ended))
	})
	w.server = echo.New()
	require.NoError(w.t, web.Protect(w.server, web.Config{
		Logger: logger, Metrics: telemetry.NewHTTP(prometheus.NewRegistry()), Now: time.Now, Verify: verify,
	}))
	w.answerer = query.NewAnswerer(pool, w.vault)
	w.api = New(w.answerer, known{answers, w.t}, positions)
	w.api.Register(w.server)
}

// known looks whether each answer depends on names of the views that it is read from alone: it
// would not be kept otherwise.
type known struct {
	Answers
	t testing.TB
}

func (k known) Do(ctx context.Context, q cache.Question) (cache.Answer, error) {
	load := q.Load
	q.Load = func(ctx context.Context) (cache.Answer, error) {
		answer, err := load(ctx)
		for _, name := range slices.Concat(q.Deps(), answer.Deps.List()) {
			if !slices.ContainsFunc(q.Views, func(view string) bool { return strings.HasPrefix(name, view) }) {
				k.t.Errorf("%q depends on %q and is read from %v", q.Key, name, q.Views)
			}
		}
		return answer, err
	}
	return k.Answers.Do(ctx, q)
}

// token names a user and a role; verify believes it.
func token(id events.ID, role events.Role) string { return id.String() + "." + string(role) }

func verify(token string) (web.Principal, error) {
	id, role, _ := strings.Cut(token, ".")
	return web.Principal{UserID: uuid.MustParse(id), Role: role}, nil
}

// happen records an event a minute after the one before.
func (w *world) happen(owner events.ID, s events.Stream, data events.Data) {
	w.t.Helper()
	data, err := events.MapPersonal(data, func(_ string, text events.Personal) (events.Personal, error) {
		return w.vault.Seal(w.t.Context(), owner, text)
	})
	require.NoError(w.t, err)
	w.now = w.now.Add(time.Minute)
	w.versions[s]++
	w.log = append(w.log, events.Event{
		Position: uint64(len(w.log) + 1), ID: uuid.New(), Stream: s, Version: w.versions[s], Owner: owner,
		Type: events.TypeOf(data).Name, Schema: events.TypeOf(data).Schema, Data: data, OccurredAt: w.now,
	})
}

// begin records the first event of a new stream.
func (w *world) begin(owner events.ID, k events.Kind, data events.Data) events.ID {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	w.happen(owner, events.StreamOf(k, id), data)
	return id
}

// register makes a user with a key of their own.
func (w *world) register(name string) events.ID {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, wrapped, err := w.vault.NewKey(id)
	require.NoError(w.t, err)
	_, err = w.admin.Exec(w.t.Context(), `insert into sical.subject_key (subject, wrapped) values ($1, $2)`, id, wrapped)
	require.NoError(w.t, err)
	w.happen(id, events.StreamOf(events.KindUser, id), &events.UserRegistered{
		Username: events.Personal(name), Email: events.Personal(name + "@example.org"),
		DisplayName: events.Personal("Display " + name), Role: events.Learner,
	})
	return id
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// get asks as who a token names, "" for anyone.
func (w *world) get(target, token string, headers ...string) answer {
	w.t.Helper()
	request := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, target, nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, request)
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// read gets a good answer and decodes it.
func read[T any](w *world, target, token string) (body T) {
	w.t.Helper()
	got := w.get(target, token)
	require.Equal(w.t, http.StatusOK, got.status, got.body)
	require.NoError(w.t, json.Unmarshal([]byte(got.body), &body, json.RejectUnknownMembers(true)))
	return body
}

// eventually waits for what the node comes to know by asking the database now
// and then.
func (w *world) eventually(holds func() error) {
	w.t.Helper()
	testkit.Eventually(w.t, holds)
}

// caughtUp gets an answer as of all that has happened, however long the node takes to
// hear of it: on a busy machine that may be longer than a request may wait.
func (w *world) caughtUp(target, token string, headers ...string) (got answer) {
	w.t.Helper()
	w.eventually(func() error {
		got = w.get(target, token, append(headers, minPosition, strconv.Itoa(len(w.log)))...)
		if got.status == http.StatusServiceUnavailable {
			return errors.New(got.body)
		}
		return nil
	})
	return got
}

func position(a answer) int {
	n, _ := strconv.Atoi(a.header.Get("Sical-Position"))
	return n
}

func inTransaction(w *world, f func(context.Context, pgx.Tx, int) error, position int) error {
	ctx := w.t.Context()
	return pgx.BeginFunc(ctx, w.admin, func(tx pgx.Tx) error { return f(ctx, tx, position) })
}
