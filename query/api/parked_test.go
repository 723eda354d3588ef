package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestParkedKey: who asks for what is held back is told so, and others are not kept
// from theirs.
func TestParkedKey(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	target, mine := "/v1/goals/"+s.private.String(), strconv.Itoa(len(s.log))
	require.Empty(t, s.get(target, s.as(s.ann)).header.Values(parkedHeader))
	_, err := s.admin.Exec(t.Context(), `
		insert into sical.parked (view, version, build, shard, name, position, stream, type, names, error, attempts)
		select view, version, build, shard, $1, $2, 'goal-' || $1, 'goal.paused', array['goal/' || $1], 'no', 3
		from sical.projection where view = 'goal' limit 1`, s.private.String(), len(s.log))
	require.NoError(t, err)
	key := fmt.Sprintf("goal;key=%q", s.private)
	s.eventually(func() error {
		if got := s.get(target, s.as(s.ann)).header.Get(parkedHeader); got != key {
			return errors.New(got)
		}
		return nil
	})
	refused := s.get(target, s.as(s.ann), minPosition, mine)
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.Equal(t, "view_parked", problemCode(t, refused))
	require.Equal(t, key, refused.header.Get(parkedHeader))
	require.Equal(t, http.StatusOK, s.get(target, s.as(s.ann), minPosition, mine, "Prefer", "handling=lenient").status)
	before := strconv.Itoa(len(s.log) - 1)
	require.Equal(t, http.StatusOK, s.get(target, s.as(s.ann), minPosition, before).status)

	list := s.get("/v1/goals", "", minPosition, mine)
	require.Equal(t, http.StatusOK, list.status)
	require.Equal(t, "goal;keys=1", list.header.Get(parkedHeader))
	point := s.get("/v1/points/"+s.strokes.String(), "", minPosition, mine)
	require.Equal(t, http.StatusOK, point.status)
	require.Empty(t, point.header.Values(parkedHeader))

	_, err = s.admin.Exec(t.Context(), `delete from sical.parked`)
	require.NoError(t, err)
	s.eventually(func() error {
		if got := s.get(target, s.as(s.ann), minPosition, mine); got.status != http.StatusOK || got.header.Get(parkedHeader) != "" {
			return errors.New(got.body)
		}
		return nil
	})
}
