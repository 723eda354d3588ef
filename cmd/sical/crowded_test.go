package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// Of more batches than the log can take in good time some are refused at once, and nothing of
// them is done; the others are done once it goes on. Nobody's command is refused because of
// them.
func TestTooManyBatchesAreRefused(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	s := role(t, Config{
		DataDir: t.TempDir(), PostgresURL: db.AdminURL, NATSURL: testkit.NATS(t).URL,
		MaxConns: 2, // so that few are too many: those that wait are given up after some seconds
	}, (*App).startCommand)
	_, token, _ := s.account("ada")
	release := hold(t, db.AdminURL, "sical.events") // nothing is appended

	const eachOf, refused = 11, 2 // as many as are no single request any more
	fits := int(s.sums()["sical_command_batches_limit"])
	require.Positive(t, fits)
	answers := make(chan reply, fits+refused+1)
	send := func(path, body string) {
		r, err := s.try(http.MethodPost, path, token, body)
		if err != nil {
			t.Error(err)
		}
		answers <- r
	}
	for range fits + refused {
		lines := make([]string, eachOf)
		for i := range lines {
			lines[i] = fmt.Sprintf(`{"type":"goal.create","id":%q,"data":{"id":%q,"title":"in a batch"}}`, uuid.NewString(), uuid.NewString())
		}
		go send("/v1/commands", `{"commands":[`+strings.Join(lines, ",")+`]}`)
	}
	for range refused { // nobody else is answered while nothing is appended
		r := testkit.Receive(t, answers)
		require.Equal(t, http.StatusServiceUnavailable, r.status, r.body)
		require.Equal(t, "overloaded", r.field(t, "code"))
		require.NotEmpty(t, r.header.Get("Retry-After"))
	}
	go send("/v1/goals", `{"title":"by itself"}`)
	testkit.Eventually(t, func() error {
		if waiting := s.sums()["sical_commands"]; waiting != 1 {
			return fmt.Errorf("%v commands are under way", waiting)
		}
		return nil
	})
	release()
	for range fits + 1 {
		r := testkit.Receive(t, answers)
		require.Contains(t, []int{http.StatusOK, http.StatusCreated}, r.status, r.body)
		require.NotContains(t, r.body, `"code"`)
	}
	admin, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	defer admin.Close(context.Background())
	var goals int
	require.NoError(t, admin.QueryRow(t.Context(), `select count(*) from sical.events where type = 'goal.created'`).Scan(&goals))
	require.Equal(t, fits*eachOf+1, goals)
}
