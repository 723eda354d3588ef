package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
)

// counted has the node read through connections whose round trips are counted.
func (s *school) counted() *counting {
	s.t.Helper()
	trips := &counting{}
	s.adapted(func(cfg *pgxpool.Config) { cfg.ConnConfig.Tracer = trips })
	return trips
}

func joinedIDs(ids []events.ID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, ",")
}

// TestSeveralAreReadAtOnce: a list by ids takes as many round trips as one of them does,
// whichever are in memory.
func TestSeveralAreReadAtOnce(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	trips := s.counted()
	points := []events.ID{s.strokes, s.radicals, s.idioms}
	for _, c := range []struct {
		route, token string
		ids          []events.ID
		most         int64
	}{
		{"/v1/points", "", points, 1},
		{"/v1/users", "", []events.ID{s.ann, s.wei, s.bob}, 1},
		{"/v1/users", s.as(s.ann), []events.ID{s.ann, s.wei, s.bob}, 3}, // goals, their paths, progress
		{"/v1/goals", "", []events.ID{s.public, s.private}, 3},
		{"/v1/goals", s.as(s.ann), []events.ID{s.public, s.private}, 3},
	} {
		cost := func(target string) int64 {
			t.Helper()
			before := trips.n.Load()
			got := s.get(target, c.token)
			require.Equal(t, http.StatusOK, got.status, got.body)
			return trips.n.Load() - before
		}
		list := c.route + "?ids="
		require.Equal(t, http.StatusOK, s.caughtUp(list+joinedIDs(c.ids), c.token).status) // what is new to the node is looked up first
		one := cost(c.route + "/" + c.ids[0].String())
		require.Positive(t, one)
		require.LessOrEqual(t, one, c.most, c.route)
		slices.Reverse(c.ids)
		require.Equal(t, one, cost(list+joinedIDs(c.ids)), "%s for %q, one of them in memory", c.route, c.token)
		for _, id := range c.ids {
			s.get(c.route+"/"+id.String(), c.token)
		}
		again := append(slices.Clone(c.ids), c.ids[0])
		require.Equal(t, one, cost(list+joinedIDs(again)), "%s for %q, all of them in memory", c.route, c.token)
	}
}

// TestListsGather: lists that differ are read together while another is.
func TestListsGather(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	trips := s.counted()
	points := []events.ID{s.strokes, s.radicals, s.idioms}
	require.Equal(t, http.StatusOK, s.caughtUp("/v1/points?ids="+joinedIDs(points), "").status)
	const lists = 15 // of 120 ids in all, which is less than a group takes
	release := s.holdConnections()
	before := trips.n.Load()
	answers := make(chan answer, lists)
	for i := range lists {
		ids := slices.Repeat(points[i%3:i%3+1], i+1)
		go func() { answers <- s.get("/v1/points?ids="+joinedIDs(ids), "") }()
	}
	_, gathered, _ := s.answerer.Loads()
	s.underWay(lists, gathered)
	release()
	for range lists {
		got := testkit.Receive(t, answers)
		require.Equal(t, http.StatusOK, got.status, got.body)
	}
	// The first, who came until that was late, the others, and whoever was held up on the way.
	require.Less(t, trips.n.Load()-before, int64(lists/2))
}
