package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/cache"
	"sical-backend/internal/web"
	"sical-backend/internal/wire"
)

// arriving is a replica that has come to a position once somebody has waited for it, or says
// why it will not.
type arriving struct {
	*replica
	err error
}

func (a *arriving) Wait(_ context.Context, _ []string, position uint64, _ time.Duration) error {
	if a.err == nil {
		a.set(position, position)
	}
	return a.err
}

// A stream begins with what its client has just written, as other answers do.
func TestStreamBeginsAtThePositionAskedFor(t *testing.T) {
	t.Parallel()
	s, r := newReplica(t, 10, 10)
	a := &arriving{replica: r}
	s.api.waiter = a
	about := "view=point&key=" + s.strokes.String()
	_, lines := s.follow(about, minPosition, "20")
	require.Contains(t, s.until(lines, "id: "), ".20.")
	require.Equal(t, "data: 20\n", s.until(lines, "data: "))
	for code, err := range map[web.Code]error{
		web.PositionUnknown: cache.ErrPositionUnknown, web.NotCaughtUp: context.DeadlineExceeded,
		web.ViewPaused: &cache.StoppedError{View: "point", State: wire.ViewPaused},
	} {
		a.err = err
		require.Equal(t, string(code), problemCode(t, s.get(StreamPath+"?"+about, s.as(s.ann), minPosition, "20")))
	}
	for _, bad := range []string{"", "-1", "soon"} {
		got := s.get(StreamPath+"?"+about, s.as(s.ann), minPosition, bad)
		require.Equal(t, http.StatusBadRequest, got.status, got.body)
		require.Equal(t, string(web.InvalidHeader), problemCode(t, got))
	}
}

// The views may be known to have a position before the replica shows it. An older answer will
// do where the client says so, but never one from before what it has.
func TestStreamWaitsForAReplicaThatLacksThePosition(t *testing.T) {
	t.Parallel()
	s, r := newReplica(t, 20, 10)
	about := "view=point&key=" + s.strokes.String()
	refused := func(target string, headers ...string) {
		t.Helper()
		require.Equal(t, string(web.NotCaughtUp), problemCode(t, s.get(StreamPath+"?"+target, s.as(s.ann), headers...)))
	}
	_, lines := s.follow(about, minPosition, "20", "Prefer", "wait=5")
	s.eventually(r.wasAsked)
	r.set(20, 20)
	require.Equal(t, "data: 20\n", s.until(lines, "data: "))

	r.set(20, 10)
	refused(about, minPosition, "20", "Prefer", "wait=0")
	_, lines = s.follow(about, minPosition, "20", "Prefer", "wait=0, handling=lenient")
	require.Equal(t, "data: 10\n", s.until(lines, "data: "))
	has := about + "&last_event_id=" + s.incarnation().String() + ".20.other"
	refused(has, minPosition, "10", "Prefer", "wait=0")
	refused(has, minPosition, "20", "Prefer", "wait=0, handling=lenient")
}

// What is held back is told to who asks for it, be the rest of it there or not.
func TestStreamOfWhatIsParked(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Usual)
	made, mine := uuid.New(), strconv.Itoa(len(s.log))
	about := func(id uuid.UUID) string { return "view=goal&key=" + id.String() }
	require.Equal(t, http.StatusNotFound, s.caughtUp(StreamPath+"?"+about(made), s.as(s.ann)).status)
	for _, id := range []uuid.UUID{made, s.private} {
		s.park("goal", id)
		s.eventually(func() error {
			if got := s.get("/v1/goals/"+id.String(), s.as(s.ann)); got.header.Get(parkedHeader) == "" {
				return errors.New("nothing is parked")
			}
			return nil
		})
		refused := s.get(StreamPath+"?"+about(id), s.as(s.ann), minPosition, mine)
		require.Equal(t, http.StatusServiceUnavailable, refused.status)
		require.Equal(t, "view_parked", problemCode(t, refused))
	}
	_, lines := s.follow(about(s.private), minPosition, mine, "Prefer", "handling=lenient")
	s.until(lines, "data: ")
}
