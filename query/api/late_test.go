package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/live"
	"sical-backend/internal/testkit"
	"sical-backend/internal/web"
)

// What a request alone asks of the database ends in time for its answer as well, where everybody
// waits for a lock: the log, for which there are turns, what is read anew each time, and a
// ticket. Nothing of it is held any longer.
func TestWhatOneRequestWaitsForEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann := token(w.register("ann"), events.Learner)
	w.record()
	w.project()
	tickets := live.NewTickets(w.queries)
	w.api.RegisterStream(w.server, StreamConfig{
		Hub: w.hub, Incarnation: w.incarnation, Pace: Usual, Dropped: func() {}, Failed: func() {}, SessionAlive: func(web.Principal) bool { return true },
		Take: func(ctx context.Context, ticket string) (web.Principal, error) {
			_, err := tickets.Take(ctx, ticket)
			return web.Principal{}, err
		},
	})
	unlock := w.db.Locked(t, "sical.events", "sical.reaction", "sical.stream_ticket")
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		var asking sync.WaitGroup
		for at := range 3 * w.queries.Config().MaxConns / 2 { // who waits for a turn, too
			asking.Go(func() { w.unavailable(fmt.Sprintf("/v1/users/me?as_of=%d", at+1), ann) })
		}
		asking.Go(func() { w.unavailable("/v1/users/me?as_of=2026-03-01T08:30:00Z", ann) })
		asking.Go(func() { w.unavailable("/v1/webhooks/"+uuid.NewString()+"/deliveries", token(uuid.New(), events.Admin)) })
		asking.Go(func() { w.unavailable(StreamPath+"?view=statistics&ticket=one", "") })
		asking.Wait()
	}()
	testkit.Receive(t, answers)
	w.eventually(func() error {
		_, _, past := w.answerer.Loads()
		if n, _ := past(); n > 0 {
			return fmt.Errorf("%d look back", n)
		}
		if n := w.queries.Stat().AcquiredConns(); n > 0 {
			return fmt.Errorf("%d connections are held", n)
		}
		return nil
	})
	unlock()
	got := w.get("/v1/users/me?as_of=1", ann)
	require.Equal(t, http.StatusOK, got.status, got.body)
	assert.Equal(t, http.StatusUnauthorized, w.get(StreamPath+"?view=statistics&ticket=one", "").status)
}
