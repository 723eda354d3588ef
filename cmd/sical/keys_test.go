package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// An Idempotency-Key is remembered for seven days and then forgotten, the id of a line of
// a batch for ever; sessions go as well once they are over.
func TestKeysAreForgottenInTime(t *testing.T) {
	t.Parallel()
	s := serveOn(t, Config{
		DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL,
	}, slog.New(slog.DiscardHandler), func(a *App) { a.tidied = 10 * time.Millisecond })
	db, err := pgx.Connect(t.Context(), s.app.PostgresURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close(t.Context()) })
	count := func(what string) (n int) {
		require.NoError(t, db.QueryRow(t.Context(), "select count(*) from sical."+what).Scan(&n))
		return n
	}
	_, token, _ := s.account("ada")
	post := func(key string) reply {
		r := s.call(http.MethodPost, "/v1/goals", token, `{"title":"One"}`, "Idempotency-Key", key)
		require.Equal(t, http.StatusCreated, r.status, r.body)
		return r
	}
	id := uuid.NewString()
	batch := func() string {
		return s.call(http.MethodPost, "/v1/commands", token, fmt.Sprintf(
			`{"commands":[{"id":%q,"type":"goal.create","data":{"id":%[1]q,"title":"One"}}]}`, id)).body
	}
	old := post("old")
	post("young")
	require.Contains(t, batch(), `"status":201`)
	require.Equal(t, 2, count("command where expires_at between now() + interval '7 days' - interval '10 minutes' and now() + interval '7 days'"))
	require.Equal(t, 1, count("command where expires_at is null"))

	_, err = db.Exec(t.Context(), "update sical.command set expires_at = expires_at - interval '7 days' where position = $1", old.field(t, "position"))
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), "update sical.session set expires_at = now()")
	require.NoError(t, err)
	testkit.Eventually(t, func() error {
		if count("command where expires_at < now()")+count("session") > 0 {
			return errors.New("what has expired is still there")
		}
		return nil
	})
	again := post("old")
	assert.Empty(t, again.header.Get("Idempotent-Replayed"))
	assert.NotEqual(t, old.field(t, "id"), again.field(t, "id"))
	assert.Equal(t, "true", post("young").header.Get("Idempotent-Replayed"))
	assert.Contains(t, batch(), `"replayed":true`)
}

// What has expired goes as a process starts, whose hour may never end.
func TestWhatHasExpiredGoesAtTheStart(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL}
	s := serveOn(t, c, slog.New(slog.DiscardHandler))
	_, token, _ := s.account("ada")
	r := s.call(http.MethodPost, "/v1/goals", token, `{"title":"One"}`, "Idempotency-Key", "old")
	require.Equal(t, http.StatusCreated, r.status, r.body)
	s.app.Close()

	db, err := pgx.Connect(t.Context(), c.PostgresURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close(t.Context()) })
	for _, table := range []string{"command", "session"} {
		tag, err := db.Exec(t.Context(), "update sical."+table+" set expires_at = now()")
		require.NoError(t, err)
		require.Positive(t, tag.RowsAffected(), table)
	}
	serveOn(t, c, slog.New(slog.DiscardHandler))
	testkit.Eventually(t, func() error {
		var left int
		err := db.QueryRow(t.Context(), "select (select count(*) from sical.command) + (select count(*) from sical.session)").Scan(&left)
		if err == nil && left > 0 {
			err = errors.New("what has expired is still there")
		}
		return err
	})
}
