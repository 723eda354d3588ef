package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// park has the views hold something back from the last position on.
func (s *school) park(view string, id events.ID) {
	s.t.Helper()
	_, err := s.admin.Exec(s.t.Context(), `
		insert into sical.parked (view, version, build, shard, name, position, stream, type, names, error, attempts)
		select view, version, build, shard, $2, $3, view || '-' || $2, view || '.revised', array[view || '/' || $2], 'no', 3
		from sical.projection where view = $1 limit 1`, view, id.String(), len(s.log))
	require.NoError(s.t, err)
}

// TestParkedKey: who asks for what is held back is told so, and others are not kept
// from theirs.
func TestParkedKey(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	target, mine := "/v1/goals/"+s.private.String(), strconv.Itoa(len(s.log))
	require.Empty(t, s.get(target, s.as(s.ann)).header.Values(parkedHeader))
	s.park("goal", s.private)
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

	_, err := s.admin.Exec(t.Context(), `delete from sical.parked`)
	require.NoError(t, err)
	s.eventually(func() error {
		if got := s.get(target, s.as(s.ann), minPosition, mine); got.status != http.StatusOK || got.header.Get(parkedHeader) != "" {
			return errors.New(got.body)
		}
		return nil
	})
}

// late waits as the Waiter does that it has, and has something parked meanwhile.
type late struct {
	Waiter
	parked func(context.Context) error
}

func (l late) Wait(ctx context.Context, _ []string, _ uint64, _ time.Duration) error {
	return l.parked(ctx)
}

// parksLate is the node's Waiter, but that something is parked while somebody waits.
func (s *school) parksLate(view string, id events.ID) late {
	heard := s.api.waiter
	return late{heard, func(ctx context.Context) error {
		s.park(view, id)
		return heard.WaitAgain(ctx, []string{view}, 0, 1, time.Hour) // a look at once, for which the request has time
	}}
}

// TestParkedWhileItIsWaitedFor: what was made just now, and is held back while its maker
// waits for it, is told as that and not as missing.
func TestParkedWhileItIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	made, mine := uuid.New(), strconv.Itoa(len(s.log))
	target := "/v1/goals/" + made.String()
	require.Equal(t, http.StatusNotFound, s.caughtUp(target, s.as(s.ann)).status)
	s.api.waiter = s.parksLate("goal", made)
	refused := s.get(target, s.as(s.ann), minPosition, mine)
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.Equal(t, "view_parked", problemCode(t, refused))
	require.Equal(t, fmt.Sprintf("goal;key=%q", made), refused.header.Get(parkedHeader))
}

// unheard has not heard how far the views are until somebody has waited for them.
type unheard struct{ late }

func (unheard) Applied(string) uint64 { return 0 }

// TestParkedBeforeItIsHeardOf: an answer in memory may be from behind what is parked, as the
// tables were when it was read, and nobody may have heard of either yet.
func TestParkedBeforeItIsHeardOf(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	target, mine := "/v1/goals/"+s.private.String(), strconv.Itoa(len(s.log))
	require.Equal(t, http.StatusOK, s.caughtUp(target, s.as(s.ann)).status)
	s.api.waiter = unheard{s.parksLate("goal", s.private)}
	refused := s.get(target, s.as(s.ann), minPosition, mine)
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.Equal(t, "view_parked", problemCode(t, refused))
}

// TestParkedTarget: a comment that cannot be shown, since what it is about is held back, is
// told as that to who waits for it.
func TestParkedTarget(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	about := uuid.New()
	comment := s.begin(s.ann, events.KindComment, &events.CommentPosted{Target: events.Target{Type: events.TargetGoal, ID: about}, Text: "Mine"})
	s.project()
	target, mine := "/v1/comments/"+comment.String(), strconv.Itoa(len(s.log))
	require.Equal(t, http.StatusNotFound, s.caughtUp(target, s.as(s.ann)).status)
	s.park("goal", about)
	key := fmt.Sprintf("goal;key=%q", about)
	s.eventually(func() error {
		if got := s.get(target, s.as(s.ann)); got.status != http.StatusNotFound || got.header.Get(parkedHeader) != key {
			return fmt.Errorf("%d %s", got.status, got.header.Get(parkedHeader))
		}
		return nil
	})
	refused := s.get(target, s.as(s.ann), minPosition, mine)
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.Equal(t, "view_parked", problemCode(t, refused))
}

// TestParkedPartOfOthers: what is composed of rows says nothing of those that are held back
// of others.
func TestParkedPartOfOthers(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	bare := s.begin(s.ann, events.KindGoal, &events.GoalCreated{Title: "Read", Visibility: events.Public})
	s.project()
	s.park("path", uuid.New())
	s.eventually(func() error {
		if got := s.get("/v1/paths", "").header.Get(parkedHeader); got != "path;keys=1" {
			return errors.New(got)
		}
		return nil
	})
	for _, target := range []string{
		"/v1/goals/" + s.public.String(), "/v1/goals/" + bare.String(), "/v1/goals", "/v1/users/me", "/v1/comments/" + s.onPoint.String(),
	} {
		for range 2 { // from the tables, and from memory
			got := s.get(target, s.as(s.ann))
			require.Equal(t, http.StatusOK, got.status)
			require.Empty(t, got.header.Values(parkedHeader), target)
		}
	}
}
