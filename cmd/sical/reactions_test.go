package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
	"sical-backend/query"
)

// Nobody makes the system call what stands inside, unless who runs it allows that; an
// admin is told why nothing comes.
func TestWebhooksReachNothingInside(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	var called atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	t.Cleanup(inside.Close)
	id, _, _ := s.account("ada")
	admin := newDesk(t, s.app).token(t, id, events.Admin)
	hook := s.do(http.MethodPost, "/v1/webhooks", admin, fmt.Sprintf(
		`{"url":%q,"event_types":["point.created"],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`, inside.URL))
	s.do(http.MethodPost, "/v1/points", admin, `{"title":"图论"}`)
	var found query.Deliveries
	testkit.Eventually(t, func() error {
		r := s.get("/v1/webhooks/"+hook+"/deliveries", admin)
		require.Equal(t, http.StatusOK, r.status, r.body)
		require.NoError(t, json.Unmarshal([]byte(r.body), &found))
		if len(found.Items) == 0 {
			return errors.New("nothing was tried yet")
		}
		return nil
	})
	tried := found.Items[0]
	require.NotNil(t, tried.Error, "it was delivered: %+v", tried)
	assert.Equal(t, "its address is not outside, and its network is not allowed", *tried.Error)
	assert.Equal(t, "point.created", tried.Type)
	assert.Nil(t, tried.Status)
	assert.Zero(t, called.Load())
}
