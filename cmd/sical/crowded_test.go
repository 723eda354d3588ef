package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/web"
)

// Of more batches than the log can take in good time some are refused at once, and nothing of
// them is done; the others are done once it goes on. Nobody's command is refused because of
// them.
func TestTooManyBatchesAreRefused(t *testing.T) {
	t.Parallel()
	testkit.Undisturbed(t, func() bool { return sendTooMany(t) })
}

// sendTooMany is disturbed where it took as long as one waits for an answer at most.
func sendTooMany(t *testing.T) (kept bool) {
	db := testkit.Database(t, migrated)
	s := role(t, Config{
		DataDir: t.TempDir(), PostgresURL: db.AdminURL, NATSURL: testkit.NATS(t).URL,
		MaxConns: 2, // so that few are too many: those that wait are given up after some seconds
	}, (*App).startCommand)
	_, token, _ := s.account("ada")
	begun := time.Now()
	late := func() bool { return time.Since(begun) >= web.AnswerWithin }
	release := hold(t, db.AdminURL, "sical.events") // nothing is appended

	const eachOf, refused = 11, 2 // as many as are no single request any more
	fits := int(s.sums()["sical_command_batches_limit"])
	require.Positive(t, fits)
	answers := make(chan reply, fits+refused+1)
	send := func(path, body string) {
		r, err := s.try(http.MethodPost, path, token, body)
		if err != nil {
			r.body = err.Error()
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
	received := func(n int) (list []reply) {
		for range n {
			list = append(list, testkit.Receive(t, answers))
		}
		return list
	}
	early := received(refused) // nobody else is answered while nothing is appended
	go send("/v1/goals", `{"title":"by itself"}`)
	testkit.Eventually(t, func() error {
		if waiting := s.sums()["sical_commands"]; waiting != 1 && !late() {
			return fmt.Errorf("%v commands are under way", waiting)
		}
		return nil
	})
	release()
	others := received(fits + 1)
	if late() {
		return false
	}
	for _, r := range early {
		require.Equal(t, http.StatusServiceUnavailable, r.status, r.body)
		require.Equal(t, "overloaded", r.field(t, "code"))
		require.NotEmpty(t, r.header.Get("Retry-After"))
	}
	for _, r := range others {
		require.Contains(t, []int{http.StatusOK, http.StatusCreated}, r.status, r.body)
		require.NotContains(t, r.body, `"code"`)
	}
	admin, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	defer admin.Close(context.Background())
	var goals int
	require.NoError(t, admin.QueryRow(t.Context(), `select count(*) from sical.events where type = 'goal.created'`).Scan(&goals))
	require.Equal(t, fits*eachOf+1, goals)
	return true
}
