package api

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/cache"
	"sical-backend/internal/testkit"
)

// gated tells when it is asked, and answers once it may.
type gated struct {
	Answers
	asked, may chan struct{}
}

func (g *gated) Do(ctx context.Context, q cache.Question) (cache.Answer, error) {
	select {
	case g.asked <- struct{}{}:
		<-g.may
	case <-ctx.Done():
	}
	return g.Answers.Do(ctx, q)
}

// A session may end while an answer is read with the rights that it had: then that is not
// sent, be it the first or a later one.
func TestNothingIsSentOnceTheSessionHasEnded(t *testing.T) {
	t.Parallel()
	s, r := newReplica(t, 10, 10)
	g := &gated{r, make(chan struct{}), make(chan struct{})}
	s.api.answers = g
	about := "view=point&key=" + s.strokes.String()
	read := func(ends bool) {
		testkit.Receive(t, g.asked)
		s.ended.Store(ends)
		g.may <- struct{}{}
	}
	_, lines := s.follow(about)
	read(true)
	require.Contains(t, s.until(lines, "HTTP/1.1 "), " 401 ")

	s.ended.Store(false)
	_, lines = s.follow(about)
	read(false)
	require.Equal(t, "data: 10\n", s.until(lines, "data: "))
	r.set(20, 20)
	s.hub.Changed(nil, true)
	read(true)
	require.Equal(t, "event: end\n", s.until(lines, "event: "))
	require.Contains(t, s.until(lines, "data: "), "session_ended")
}
