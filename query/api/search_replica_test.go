package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/vault"
	"sical-backend/projections"
	"sical-backend/query"
)

// between has something happen between the two reads of a search, as if the second were of another
// server: behind the first one it asks for the keys of what it has found, and once more for those
// of what it shows.
type between struct {
	query.Keyring
	happens func()
}

func (b between) Opener(ctx context.Context, owners ...events.ID) (vault.Opener, error) {
	b.happens()
	return b.Keyring.Opener(ctx, owners...)
}

// halfway has something happen between the two reads of each search.
func (s *school) halfway(happens func()) {
	s.answerer = query.NewAnswerer(s.queries, between{s.vault, happens})
	s.api.answerer = s.answerer
}

// exec changes what the read models say of themselves.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.admin.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}

// progressIsAt has the view of ann's progress stand at a position.
func (s *school) progressIsAt(position int) {
	s.t.Helper()
	s.exec(`update sical.projection set position = $1 where view = 'progress'`, position)
}

const examOfAnn = "/v1/goals?q=exam"

// TestASearchIsAsOldAsItsOldestPart: it is put together from two reads, and either may be of a
// server that lags.
func TestASearchIsAsOldAsItsOldestPart(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	last := uint64(len(s.log))
	for second, want := range map[int]uint64{3: 3, 1000: last} {
		s.progressIsAt(len(s.log))
		s.halfway(func() { s.progressIsAt(second) })
		answer, err := s.answerer.Answer(t.Context(), s.search(query.GoalFilter{}, s.ann)[0])
		require.NoError(t, err)
		var at []uint64
		for _, c := range answer.Checkpoints {
			at = append(at, c.Position())
		}
		require.Equal(t, []uint64{last, last, want}, at, "of goals, paths and progress")
	}
	s.progressIsAt(len(s.log))
	s.halfway(func() { s.progressIsAt(3) })
	got := s.get(examOfAnn, s.as(s.ann))
	require.Contains(t, got.body, s.private.String())
	require.Equal(t, 3, position(got))
}

// secondBuild makes another build of a view, of the same rows; flip has the other one be read.
func (w *world) secondBuild(v *projections.View) (flip func()) {
	w.t.Helper()
	first, second := v.Build(1), v.Build(2)
	_, err := w.projector.Exec(w.t.Context(), v.DDL(second))
	require.NoError(w.t, err)
	w.exec(`insert into ` + second.Table() + ` select * from ` + first.Table())
	w.exec(`insert into sical.projection (view, version, build, shard, position, incarnation)
		select view, version, 2, shard, position, incarnation from sical.projection where view = $1`, v.Name)
	return func() { w.exec(`update sical.view_version set serving = 3 - serving where view = $1`, v.Name) }
}

// TestASearchIsOfOneBuild: of two there is no position that both have, so it is made again, for as
// long as somebody waits.
func TestASearchIsOfOneBuild(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	flip, flips := s.secondBuild(projections.Progress.View), 1
	s.halfway(func() {
		if flips--; flips >= 0 {
			flip()
		}
	})
	q := s.search(query.GoalFilter{}, s.ann)[0]
	_, err := s.answerer.Answer(t.Context(), q)
	require.ErrorIs(t, err, query.ErrBehind)
	answer, err := s.answerer.Answer(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, projections.Progress.Build(2), answer.Checkpoints[2].Build)

	flips = 1
	require.Contains(t, s.get(examOfAnn, s.as(s.ann)).body, s.private.String())
	flips = 1
	got := s.get(examOfAnn, s.as(s.bob), minPosition, "1", "Prefer", "wait=0")
	require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	require.Equal(t, "not_caught_up", problemCode(t, got))
}

// TestServersThatReadOtherBuilds: which build is read may be asked of one server, and the build read
// on another that has not heard of it, again and again. Then there is no answer yet, and one as soon
// as they agree, to whoever still waits.
func TestServersThatReadOtherBuilds(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.record()
	flip := s.secondBuild(projections.Goal.View)
	var flips atomic.Int64
	s.adapted(func(cfg *pgxpool.Config) {
		cfg.ConnConfig.Tracer = &afterwards{"-- read projection", func() {
			if flips.Add(-1) >= 0 {
				flip()
			}
		}}
	})
	s.caughtUp("/v1/statistics", "")
	for name, target := range map[string]string{
		"by one statement": "/v1/users/" + s.ann.String(), "in a snapshot": "/v1/goals/" + s.public.String(), "in two": examOfAnn,
		"from the log": fmt.Sprintf("/v1/goals/%s?as_of=%d", s.public, len(s.log)),
	} {
		flips.Store(math.MaxInt64)
		flip() // since the build that was read last
		got := s.get(target, s.as(s.bob), minPosition, "1", "Prefer", "wait=0")
		require.Equal(t, http.StatusServiceUnavailable, got.status, "%s: %s", name, got.body)
		require.Equal(t, "not_caught_up", problemCode(t, got), name)
		flips.Store(7) // more than one load tries
		got = s.get(target, s.as(s.bob))
		require.Equal(t, http.StatusOK, got.status, "%s: %s", name, got.body)
	}
}
