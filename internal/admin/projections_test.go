package admin

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/rebuild"
	"sical-backend/internal/testkit"
	"sical-backend/internal/web"
	"sical-backend/projections"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

// TestProjections: what is asked for is written down, and what cannot be is a
// problem of its own kind.
func TestProjections(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	pool, err := postgres.Open(t.Context(), db.URL(postgres.RoleProjector), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	e := echo.New()
	e.HTTPErrorHandler = web.ErrorHandler(slog.New(slog.DiscardHandler))
	RegisterProjections(e, Projections{Pool: pool, Views: projections.Views(), Announce: func(projections.Build) {}})

	ask := func(method, path, body string) (int, string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	_, err = pool.Exec(t.Context(), `
		insert into sical.projection (view, version, build, shard, incarnation, state) values ('path', $1, 1, 0, gen_random_uuid(), 'live')`,
		projections.Path.Version)
	require.NoError(t, err)
	for _, step := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"/admin/projections/none/rebuild", "", http.StatusNotFound, "there is no view"},
		{"/admin/projections/goal/cancel", "", http.StatusConflict, "no rebuild"},
		{"/admin/projections/goal/approve", "", http.StatusConflict, "approval"},
		{"/admin/projections/goal/rollback", "", http.StatusConflict, "no previous"},
		{"/admin/projections/goal/retry", `{"key":"x"}`, http.StatusNotFound, "nothing parked to retry"},
		{"/admin/projections/goal/rebuild", `{"rate":-1}`, http.StatusUnprocessableEntity, `"pointer":"/rate"`},
		{"/admin/projections/goal/rebuild", `{"rate":9223372036854775807}`, http.StatusUnprocessableEntity, `"pointer":"/rate"`},
		{"/admin/projections/goal/rebuild", `{"shards":65}`, http.StatusUnprocessableEntity, `"pointer":"/shards"`},
		{"/admin/projections/goal/rebuild", `{"speed":1}`, http.StatusBadRequest, "speed"},
		{"/admin/projections/goal/rebuild", `{"rate":1000,"require_approval":true}`, http.StatusAccepted, `"state":"requested"`},
		{"/admin/projections/goal/rebuild", "", http.StatusConflict, "already"},
		{"/admin/projections/goal/cancel", "", http.StatusAccepted, `"view":"goal"`},
		{"/admin/projections/goal/verify", `{"sample":-1}`, http.StatusUnprocessableEntity, `"pointer":"/sample"`},
		{"/admin/projections/goal/verify", `{"sample":2147483648}`, http.StatusUnprocessableEntity, `"pointer":"/sample"`},
		{"/admin/projections/goal/verify", "", http.StatusAccepted, `"kind":"verify"`},
		{"/admin/projections/goal/verify", "", http.StatusConflict, "already"},
		{"/admin/projections/goal/pause", "", http.StatusConflict, "no build"},
		{"/admin/projections/goal/resume", "", http.StatusConflict, "no build"},
		{"/admin/projections/path/pause", "", http.StatusOK, `"items"`},
		{"/admin/projections/path/resume", "", http.StatusOK, `"items"`},
	} {
		status, body := ask(http.MethodPost, step.path, step.body)
		assert.Equal(t, step.status, status, "%s %s: %s", step.path, step.body, body)
		assert.Contains(t, body, step.says, step.path)
	}
	status, body := ask(http.MethodGet, "/admin/projections", "")
	assert.Equal(t, http.StatusOK, status)
	var found struct{ Jobs []rebuild.Job }
	require.NoError(t, json.Unmarshal([]byte(body), &found))
	require.Len(t, found.Jobs, 2)
	assert.Equal(t, 1000, found.Jobs[0].Limit)
}
