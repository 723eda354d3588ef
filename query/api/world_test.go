package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
	admin     *pgxpool.Pool
	projector *pgxpool.Pool // in the role that owns the tables
	vault     *vault.Vault
	server    *echo.Echo
	asker     *query.Asker
	api       *API

	log      []events.Event
	versions map[events.Stream]int
	now      time.Time
}

var beginning = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func migrate(adminURL string) error {
	_, err := postgres.Migrate(context.Background(), adminURL)
	return err
}

// newWorld opens a query node as the role it has in production; tracer may be nil.
func newWorld(t testing.TB, tracer pgx.QueryTracer) *world {
	t.Helper()
	db := testkit.Database(t, migrate)
	open := func(role string, tracer pgx.QueryTracer) *pgxpool.Pool {
		pool, err := postgres.Open(t.Context(), db.AdminURL, postgres.Options{Role: role, MaxConns: 8, Tracer: tracer})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return pool
	}
	w := &world{t: t, admin: open("", nil), versions: map[events.Stream]int{}, now: beginning}
	w.projector = open(postgres.RoleProjector, nil)
	for _, v := range projections.Views() {
		_, err := w.projector.Exec(t.Context(), v.DDL()+v.IndexDDL())
		require.NoError(t, err)
	}
	pool := open(postgres.RoleQuery, tracer)
	var err error
	w.vault, err = vault.New(pool, []byte("a secret of thirty-two bytes or more"))
	require.NoError(t, err)
	w.serve(pool)
	return w
}

func (w *world) serve(pool *pgxpool.Pool) {
	logger := slog.New(slog.DiscardHandler)
	cfg := cache.Config{Pool: pool, Logger: logger, MaxWaiters: 10}
	for _, v := range projections.Views() {
		cfg.Views = append(cfg.Views, cache.View{Name: v.Name, Version: v.Version})
	}
	cfg.Head = func(ctx context.Context) (head uint64, err error) {
		err = pool.QueryRow(ctx, `select coalesce(max(position), 0) from sical.events`).Scan(&head)
		return head, err
	}
	positions := cache.NewPositions(cfg)
	answers, err := cache.New(positions, 1<<20, telemetry.NewCache(prometheus.NewRegistry()))
	require.NoError(w.t, err)
	w.t.Cleanup(answers.Close)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- positions.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		require.NoError(w.t, <-ended)
	})
	w.server = echo.New()
	require.NoError(w.t, web.Protect(w.server, web.Config{
		Logger: logger, Metrics: telemetry.NewHTTP(prometheus.NewRegistry()), Now: time.Now, Verify: verify,
	}))
	w.asker = query.NewAsker(pool, w.vault)
	w.api = New(w.asker, answers, positions)
	w.api.Register(w.server)
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

// project folds the whole log into the tables and moves the checkpoints.
func (w *world) project() {
	w.t.Helper()
	ctx := w.t.Context()
	require.NoError(w.t, pgx.BeginFunc(ctx, w.admin, func(tx pgx.Tx) error {
		for _, v := range projections.Views() {
			rows := map[projections.Key]projections.Row{}
			for _, e := range w.log {
				for _, key := range v.Touches(e) {
					rows[key] = v.Fold(key, rows[key], e)
				}
			}
			if err := store(ctx, tx, v, rows); err != nil {
				return err
			}
		}
		if err := headOf(ctx, tx, len(w.log)); err != nil {
			return err
		}
		return checkpoint(ctx, tx, len(w.log))
	}))
}

// store replaces the rows of a view.
func store(ctx context.Context, tx pgx.Tx, v *projections.View, rows map[projections.Key]projections.Row) error {
	if _, err := tx.Exec(ctx, `truncate `+v.Table()+`, `+v.TotalTable()); err != nil {
		return err
	}
	columns, types := append([]string{}, v.Keys...), []string{}
	values := make([]any, len(v.Keys))
	keys := make([][]events.ID, len(v.Keys))
	var list []projections.Row
	var docs []string
	totals := map[string]int64{}
	for key, row := range rows {
		if row == nil {
			continue
		}
		doc, err := v.Encode(row)
		if err != nil {
			return err
		}
		list, docs = append(list, row), append(docs, string(doc))
		for i, id := range []events.ID{key.A, key.B}[:len(v.Keys)] {
			keys[i] = append(keys[i], id)
		}
		for _, total := range v.Totals(row) {
			totals[total.Name] += total.Value
		}
	}
	for i := range v.Keys {
		types, values[i] = append(types, "uuid"), keys[i]
	}
	for _, c := range v.Columns {
		columns, types = append(columns, c.Name), append(types, strings.Fields(c.Type)[0])
	}
	values = append(append(values, v.Collect(list)...), docs)
	columns, types = append(columns, "doc"), append(types, "json")
	arrays := make([]string, len(types))
	for i, typ := range types {
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, typ)
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(`insert into %s (%s) select * from unnest(%s)`,
		v.Table(), strings.Join(columns, ", "), strings.Join(arrays, ", ")), values...); err != nil {
		return fmt.Errorf("%s: %w", v.Name, err)
	}
	for name, value := range totals {
		if _, err := tx.Exec(ctx, `insert into `+v.TotalTable()+` values ($1, $2)`, name, value); err != nil {
			return err
		}
	}
	return nil
}

// checkpoint says that every view has come to the position.
func checkpoint(ctx context.Context, tx pgx.Tx, position int) error {
	for _, v := range projections.Views() {
		if _, err := tx.Exec(ctx, `
			insert into sical.projection (view, version, position, incarnation)
			select $1, $2, $3, incarnation from sical.log
			on conflict (view, version) do update set position = excluded.position`, v.Name, v.Version, position); err != nil {
			return err
		}
	}
	return nil
}

// headOf has the log end at the position; what it holds does not matter here.
func headOf(ctx context.Context, tx pgx.Tx, position int) error {
	_, err := tx.Exec(ctx, `
		insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		values ($1, gen_random_uuid(), 'test-' || $1::bigint, 1, 'test', 1, '{}', '{}', gen_random_uuid(), false, now(), now())
		on conflict do nothing`, position)
	return err
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

func position(a answer) int {
	n, _ := strconv.Atoi(a.header.Get("Sical-Position"))
	return n
}

func inTransaction(w *world, f func(context.Context, pgx.Tx, int) error, position int) error {
	ctx := w.t.Context()
	return pgx.BeginFunc(ctx, w.admin, func(tx pgx.Tx) error { return f(ctx, tx, position) })
}
