//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func call(t *testing.T, h http.Handler, method, path, body string, into any) int {
	t.Helper()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), into), answer.Body.String())
	return answer.Code
}

func TestGoalsAreWrittenReadAndListed(t *testing.T) {
	t.Parallel()
	db, err := openDatabase(privatePostgres(t), false)
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })

	var indexes int64
	require.NoError(t, db.Raw("select count(*) from pg_indexes where tablename = 'goals'").Scan(&indexes).Error)
	require.EqualValues(t, 5, indexes)

	redis := miniredis.RunT(t)
	cached, err := openCache("redis://" + redis.Addr())
	require.NoError(t, err)
	t.Cleanup(cached.close)

	for name, s := range map[string]*store{"without a cache": {db: db}, "with a cache": {db: db, cache: cached}} {
		t.Run(name, func(t *testing.T) { writeReadAndList(t, s) })
	}
	require.Len(t, redis.Keys(), 1, "the goal that was read")
}

func writeReadAndList(t *testing.T, s *store) {
	h, user := routes(s, false), uuid.NewString()
	var made, read goal
	for n := range 25 {
		body := fmt.Sprintf(`{"user_id":%q,"title":"学 Go, part %d","category":"go","target_date":"2030-01-02T00:00:00Z"}`, user, n)
		require.Equal(t, http.StatusCreated, call(t, h, http.MethodPost, "/goals", body, &made))
	}
	for range 2 { // the second time from the cache, where there is one
		require.Equal(t, http.StatusOK, call(t, h, http.MethodGet, "/goals/"+made.ID.String(), "", &read))
		require.Equal(t, "学 Go, part 24", read.Title)
		require.Equal(t, made.ID, read.ID)
		if s.cache != nil {
			s.cache.filling.Wait()
		}
	}

	var page struct {
		Items []goal `json:"items"`
		Total int    `json:"total"`
	}
	require.Equal(t, http.StatusOK, call(t, h, http.MethodGet, "/users/"+user+"/goals", "", &page))
	require.Equal(t, 25, page.Total)
	require.Len(t, page.Items, 20)
	require.Equal(t, made.ID, page.Items[0].ID, "newest first")
	require.Equal(t, http.StatusOK, call(t, h, http.MethodGet, "/users/"+user+"/goals?page=2", "", &page))
	require.Len(t, page.Items, 5)

	var problem map[string]string
	require.Equal(t, http.StatusBadRequest, call(t, h, http.MethodPost, "/goals", `{"title":"whose?"}`, &problem))
	require.Equal(t, http.StatusBadRequest, call(t, h, http.MethodGet, "/goals/1", "", &problem))
	require.Equal(t, http.StatusNotFound, call(t, h, http.MethodGet, "/goals/"+uuid.NewString(), "", &problem))
}

func TestAsSketchedItCountsWhatItDoes(t *testing.T) {
	t.Parallel()
	db, err := openDatabase(privatePostgres(t), true)
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	h := routes(&store{db: db}, true)

	var made goal
	body := fmt.Sprintf(`{"user_id":%q,"title":"学 Go"}`, uuid.NewString())
	require.Equal(t, http.StatusCreated, call(t, h, http.MethodPost, "/goals", body, &made))
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, "*", answer.Header().Get("Access-Control-Allow-Origin"))
	require.Contains(t, answer.Body.String(), `http_requests_total{endpoint="/goals",method="POST",status="201"} 1`)
	require.Contains(t, answer.Body.String(), `db_queries_total{operation="INSERT",status="success",table="goals"} 1`)
}
