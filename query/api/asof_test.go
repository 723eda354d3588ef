package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// record writes what has happened into the log, each event recorded when it
// occurred.
func (w *world) record() {
	w.t.Helper()
	ctx := w.t.Context()
	var rows [][]any
	for _, e := range w.log {
		raw, err := events.Encode(e.Data)
		require.NoError(w.t, err)
		rows = append(rows, []any{int64(e.Position), e.ID, string(e.Stream), int32(e.Version), e.Type, int16(e.Schema), string(raw), "{}", e.Owner, false, e.OccurredAt, e.OccurredAt})
	}
	_, err := w.admin.Exec(ctx, `truncate sical.events`)
	require.NoError(w.t, err)
	_, err = w.admin.CopyFrom(ctx, pgx.Identifier{"sical", "events"}, []string{
		"position", "event_id", "stream", "version", "type", "schema", "data", "metadata", "owner", "final", "occurred_at", "recorded_at",
	}, pgx.CopyFromRows(rows))
	require.NoError(w.t, err)
}

// changing goes on with the school: things are edited, hidden and taken away.
func changing(t *testing.T) *school {
	s := newSchool(t)
	goal, path := events.StreamOf(events.KindGoal, s.public), events.StreamOf(events.KindPath, s.course)
	title, shown := events.Personal("读杂志"), "汉字二"
	s.happen(s.ann, goal, &events.GoalRevised{Title: &title})
	s.happen(s.wei, path, &events.PathRevised{Title: &shown})
	s.happen(s.wei, path, &events.PathPointsSet{Points: events.Change[[]events.ID]{To: []events.ID{s.idioms, s.strokes}}})
	s.happen(events.ID{}, events.Curriculum, &events.PrerequisitesSet{
		Point: s.idioms, Prerequisites: events.Change[[]events.ID]{To: []events.ID{s.radicals}},
	})
	words := "部首二"
	s.happen(s.wei, events.StreamOf(events.KindPoint, s.radicals), &events.PointRevised{Title: &words})
	s.happen(events.ID{}, events.Curriculum, &events.PrerequisitesSet{Point: s.radicals})
	s.happen(s.ann, events.StreamOf(events.KindStudy, s.ann), &events.PointLearnt{Point: s.radicals})
	s.happen(s.ann, goal, &events.GoalPaused{From: events.GoalStatusActive})
	s.happen(s.ann, goal, &events.GoalStarted{From: events.GoalStatusPaused})
	s.happen(s.ann, events.StreamOf(events.KindAssessment, s.quiz), &events.AssessmentVoided{From: events.AssessmentStatusGraded})
	name := events.Personal("Ann the second")
	s.happen(s.ann, events.StreamOf(events.KindUser, s.ann), &events.UserRevised{DisplayName: &name})
	s.happen(s.ann, events.StreamOf(events.KindGoal, s.private), &events.GoalCompleted{From: events.GoalStatusActive})
	s.record()
	return s
}

// TestLookBack: as of each position, everything looks as it did when the views
// had come so far, also over HTTP once they have gone on.
func TestLookBack(t *testing.T) {
	t.Parallel()
	s := changing(t)
	whole := s.log
	viewers := []query.Viewer{{}, {ID: s.ann, Role: events.Learner}, {ID: s.bob, Role: events.Learner}, {ID: s.wei, Role: events.Curator}, {ID: s.bob, Role: events.Admin}}
	seen := map[string]string{} // by ann, as it was
	for at := uint64(1); at <= uint64(len(whole)); at += 1 + at%2 {
		s.log = whole[:at]
		s.project()
		for _, v := range viewers {
			for target, pair := range map[string][2]query.Question{
				"users/" + s.ann.String():        {s.answerer.User(v, s.ann), s.answerer.UserAsOf(v, s.ann, at)},
				"goals/" + s.public.String():     {s.answerer.Goal(v, s.public), s.answerer.GoalAsOf(v, s.public, at)},
				"goals/" + s.private.String():    {s.answerer.Goal(v, s.private), s.answerer.GoalAsOf(v, s.private, at)},
				"paths/" + s.course.String():     {s.answerer.Path(v, s.course), s.answerer.PathAsOf(v, s.course, at)},
				"paths/" + s.draft.String():      {s.answerer.Path(v, s.draft), s.answerer.PathAsOf(v, s.draft, at)},
				"points/" + s.radicals.String():  {s.answerer.Point(s.radicals), s.answerer.PointAsOf(s.radicals, at)},
				"points/" + s.idioms.String():    {s.answerer.Point(s.idioms), s.answerer.PointAsOf(s.idioms, at)},
				"assessments/" + s.quiz.String(): {s.answerer.Assessment(v, s.quiz), s.answerer.AssessmentAsOf(v, s.quiz, at)},
			} {
				what := fmt.Sprintf("%s at %d to %v", target, at, v)
				then, failed := s.answerer.Answer(t.Context(), pair[0])
				back, err := s.answerer.Answer(t.Context(), pair[1])
				require.Equal(t, failed, err, what)
				require.Equal(t, string(then.Body), string(back.Body), what)
				require.Equal(t, then.Version, back.Version, what)
				if v.ID == s.ann && err == nil {
					seen[fmt.Sprintf("/v1/%s?as_of=%d", target, at)] = string(back.Body)
				}
			}
		}
	}
	s.log = whole
	s.project()
	require.NotEmpty(t, seen)
	for target, body := range seen {
		require.Equal(t, body, s.get(target, s.as(s.ann)).body, target)
	}
}

// TestLookBackWithPresentRights: what may not be seen now is not seen by looking
// back either, nor what might not have been seen then.
func TestLookBackWithPresentRights(t *testing.T) {
	t.Parallel()
	s := changing(t)
	open := len(s.log)
	goal := events.StreamOf(events.KindGoal, s.public)
	to := func(v events.Visibility) events.Data {
		return &events.GoalRevised{Visibility: &events.Change[events.Visibility]{To: v}}
	}
	s.happen(s.ann, goal, to(events.Private))
	hidden := len(s.log)
	s.record()
	s.project()
	get := func(id events.ID, at int, token string) int {
		return s.get(fmt.Sprintf("/v1/goals/%s?as_of=%d", id, at), token).status
	}
	require.Equal(t, missing, get(s.public, open, s.as(s.bob)), "it is private now")
	require.Equal(t, ok, get(s.public, open, s.as(s.ann)))
	profile := fmt.Sprintf("/v1/users/%s?as_of=%d", s.ann, open)
	require.NotContains(t, s.get(profile, s.as(s.bob)).body, s.public.String())
	require.Contains(t, s.get(profile, s.as(s.ann)).body, s.public.String())

	s.happen(s.ann, goal, to(events.Public))
	s.record()
	s.project()
	require.Equal(t, missing, get(s.public, hidden, s.as(s.bob)), "it was private then")
	s.eventually(func() error {
		if got := get(s.public, open, s.as(s.bob)); got != ok {
			return fmt.Errorf("public again, and answered %d", got)
		}
		return nil
	})

	s.happen(s.ann, goal, &events.GoalDeleted{From: events.GoalStatusActive})
	s.record()
	s.project()
	s.eventually(func() error { // the node hears of it
		if got := get(s.public, open, s.as(s.bob)); got != missing {
			return fmt.Errorf("deleted, and answered %d", got)
		}
		return nil
	})
	require.Equal(t, ok, get(s.public, open, s.as(s.ann)), "its owner's to look back to")
	require.Equal(t, missing, get(s.public, len(s.log), s.as(s.ann)))

	_, err := s.admin.Exec(t.Context(), `delete from sical.subject_key where subject = $1`, s.ann)
	require.NoError(t, err)
	s.vault.Forget(s.ann)
	require.Equal(t, missing, get(s.private, open-1, s.as(s.ann)), "nobody reads what is forgotten")
	require.Equal(t, missing, s.get(fmt.Sprintf("/v1/users/%s?as_of=%d", s.ann, open-1), "").status)
	require.Equal(t, missing, s.get(fmt.Sprintf("/v1/paths/%s?as_of=%d", s.draft, open-1), s.as(s.ann)).status)
}

// TestLookBackNeedsNoViews: who looks back to what they did is answered by the log, also while
// the views hold it back or have not come to it.
func TestLookBackNeedsNoViews(t *testing.T) {
	t.Parallel()
	s := changing(t)
	target := "/v1/goals/" + s.private.String()
	s.park("goal", s.private)
	s.eventually(func() error {
		if s.get(target, s.as(s.ann)).header.Get(parkedHeader) == "" {
			return errors.New("nothing is parked")
		}
		return nil
	})
	then := fmt.Sprintf("%s?as_of=%d", target, len(s.log))
	mine := []string{minPosition, fmt.Sprint(len(s.log)), "Prefer", "wait=0"}
	require.Equal(t, http.StatusServiceUnavailable, s.get(target, s.as(s.ann), mine...).status)
	require.Equal(t, http.StatusServiceUnavailable, s.get(fmt.Sprintf("%s?as_of=%d", target, len(s.log)-1), s.as(s.ann), mine...).status,
		"who may see it now is known by the views, of an answer in memory")
	for range 2 { // from the log, and from memory
		got := s.get(then, s.as(s.ann), mine...)
		require.Equal(t, ok, got.status, got.body)
		require.Empty(t, got.header.Values(parkedHeader))
		require.Contains(t, got.body, `"status":"completed"`)
	}

	s.happen(s.ann, events.StreamOf(events.KindGoal, s.private), &events.GoalDeleted{From: events.GoalStatusCompleted})
	s.record()
	mine[1] = fmt.Sprint(len(s.log))
	require.Equal(t, ok, s.get(then, s.as(s.ann)).status)
	require.Equal(t, missing, s.get(fmt.Sprintf("%s?as_of=%d", target, len(s.log)), s.as(s.ann), mine...).status)
	other := s.get(fmt.Sprintf("/v1/goals/%s?as_of=%d", s.public, len(s.log)), "", mine...)
	require.Equal(t, ok, other.status, other.body)
	require.Equal(t, len(s.log), position(other))
}

// TestMoments: an instant is the last position recorded by then; what is no
// moment of the log is refused.
func TestMoments(t *testing.T) {
	t.Parallel()
	s := changing(t)
	target := "/v1/goals/" + s.public.String() + "?as_of="
	for _, at := range []int{len(s.log), len(s.log) / 2, len(s.log) - 5} {
		byPosition := s.get(target+fmt.Sprint(at), s.as(s.ann))
		for _, later := range []time.Duration{0, time.Microsecond, 59 * time.Second} {
			instant := url.QueryEscape(s.log[at-1].OccurredAt.Add(later).Format(time.RFC3339Nano))
			require.Equal(t, byPosition.body, s.get(target+instant, s.as(s.ann)).body)
		}
	}
	first := s.log[0].OccurredAt
	for _, wrong := range []string{
		"0", fmt.Sprint(len(s.log) + 1), "9223372036854775807", "9223372036854775808", "-1", "+1", "1.5", "yesterday", "2026-03-01",
		first.Add(-time.Microsecond).Format(time.RFC3339Nano), "0001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
	} {
		got := s.get(target+url.QueryEscape(wrong), s.as(s.ann))
		require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", wrong, got.body)
		require.Contains(t, got.body, `"parameter":"as_of"`, wrong)
	}
	answered := s.get(target+"30", s.as(s.ann))
	require.Equal(t, http.StatusNotModified, s.get(target+"30", s.as(s.ann), "If-None-Match", answered.header.Get("ETag")).status)
	require.Equal(t, "private, no-cache", answered.header.Get("Cache-Control"))
}

// TestTooMuchPast: a look back folds 10,000 events and no more, and fewer if they are
// large. To be told so, or that there was nothing, or is not yet, closes no connection.
func TestTooMuchPast(t *testing.T) {
	t.Parallel()
	s := changing(t)
	study := events.StreamOf(events.KindStudy, s.ann)
	_, err := s.admin.Exec(t.Context(), `
		insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		select $1 + n, gen_random_uuid(), $2, $3 + n, 'study.studied', 1, json_build_object('point', $4::uuid, 'amount', 1), '{}', $5, false, now(), now()
		from generate_series(1, 10000) n`, len(s.log), string(study), s.versions[study], s.strokes, s.ann)
	require.NoError(t, err)
	// On a slow machine a connection is closed also by what is cut off by its time, or pinged in vain:
	// nobody else uses this pool, and what is asked may take as long as it does.
	s.queries = s.pool(func(cfg *pgxpool.Config) {
		cfg.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	})
	answerer := query.NewAnswerer(s.queries, s.vault)
	ask := func(v query.Viewer, later int) error {
		_, err := answerer.Answer(t.Context(), answerer.GoalAsOf(v, s.public, uint64(len(s.log)+later)))
		return err
	}
	ann := query.Viewer{ID: s.ann, Role: events.Learner}
	var told *web.Problem
	require.ErrorAs(t, refused(ask(ann, 10000)), &told)
	require.Equal(t, http.StatusUnprocessableEntity, told.Status())
	require.Equal(t, "too_many_events", told.Errors[0].Code)
	require.NoError(t, ask(ann, 9000))
	require.NoError(t, ask(query.Viewer{}, 10000), "who asks without progress")

	s.holdConnections()() // so that all of them are open
	opened := s.queries.Stat().NewConnsCount()
	for range s.queries.Config().MaxConns + 1 {
		require.ErrorIs(t, ask(ann, 10000), query.ErrTooManyEvents)
		require.ErrorIs(t, ask(ann, 1-len(s.log)), query.ErrNotFound)
		require.ErrorIs(t, ask(ann, 10001), query.ErrFuture)
	}

	_, err = s.admin.Exec(t.Context(), `
		update sical.events set data = json_build_object('point', $1::uuid, 'amount', 1, 'long', repeat('x', 50000))
		where position > $2 and position <= $2 + 1000`, s.strokes, len(s.log))
	require.NoError(t, err)
	require.NoError(t, ask(ann, 500))
	require.ErrorIs(t, ask(ann, 1000), query.ErrTooManyEvents)
	require.Equal(t, opened, s.queries.Stat().NewConnsCount())
}
