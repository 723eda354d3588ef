package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
)

// What is set of rates, origins and proxies is what the public listener goes by.
func TestPublicListenerIsAsItIsSet(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.org"
	s := serveOn(t, Config{
		DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL,
		RateLimit: 1, RateBurst: 2, AllowedOrigins: []string{app}, TrustedProxies: []string{"127.0.0.0/8"},
	}, slog.New(slog.DiscardHandler))
	s.becomes(http.StatusOK)
	ask := func(client string) reply {
		return s.call(http.MethodGet, "/v1/statistics", "", "", "Origin", app, "X-Forwarded-For", client)
	}
	first := ask("198.51.100.7")
	require.Equal(t, http.StatusOK, first.status, first.body)
	assert.Equal(t, `"default";q=2;w=2`, first.header.Get("RateLimit-Policy"))
	assert.Equal(t, app, first.header.Get("Access-Control-Allow-Origin"))
	testkit.Eventually(t, func() error {
		if ask("198.51.100.7").status != http.StatusTooManyRequests {
			return errors.New("it may ask for ever")
		}
		return nil
	})
	assert.Equal(t, http.StatusOK, ask("198.51.100.8").status, "one client behind the proxy, not all of them")
	desk := newDesk(t, s.app)
	testkit.Eventually(t, func() error {
		learner := desk.token(t, uuid.NewString(), events.Learner)
		batch := s.call(http.MethodPost, "/v1/commands", learner, `{"commands":[`+strings.Repeat("{},", 9)+`{}]}`)
		require.Equal(t, http.StatusOK, batch.status)
		if left := batch.header.Get("RateLimit"); left != `"default";r=0;t=2` { // also where the batch took a second
			return fmt.Errorf("ten commands are one request more: %s", left)
		}
		return nil
	})
}

func TestWhatListensIsReached(t *testing.T) {
	t.Parallel()
	for address, url := range map[string]string{
		":8080": "http://127.0.0.1:8080", "0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://127.0.0.1:80",
		"[::1]:80": "http://[::1]:80", "192.0.2.1:80": "http://192.0.2.1:80", "localhost:80": "http://localhost:80",
	} {
		assert.Equal(t, url, reach(address), address)
	}
}
