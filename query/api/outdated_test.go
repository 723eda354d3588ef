package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/projections"
)

// overheard loads each answer anew, and keeps what it depends on.
type overheard struct {
	views, deps []string
}

func (*overheard) Lookup(string, uint64) (cache.Answer, bool) { return cache.Answer{}, false }

func (o *overheard) Do(ctx context.Context, q cache.Question) (cache.Answer, error) {
	answer, err := q.Load(ctx)
	o.views, o.deps = q.Views, answer.Deps.List()
	if q.Deps != nil {
		o.deps = append(o.deps, q.Deps()...)
	}
	return answer, err
}

// outdated tells whether something changed that the answer depends on, by view.
func (o *overheard) outdated(changed map[string][]string) bool {
	return slices.ContainsFunc(o.views, func(view string) bool {
		return slices.ContainsFunc(changed[view], func(name string) bool { return slices.Contains(o.deps, name) })
	})
}

// changes are the rows of the views, to tell what events change of them.
type changes map[*projections.View]map[projections.Key]projections.Row

// of folds one more event and lists by view what it changes there, as a projector tells it:
// the view, rows, and the groups that they are or were in.
func (c changes) of(e events.Event) map[string][]string {
	changed := map[string][]string{}
	for _, v := range projections.Views() {
		if c[v] == nil {
			c[v] = map[projections.Key]projections.Row{}
		}
		for _, key := range v.Touches(e) {
			names := append([]string{v.Name, v.RowName(key)}, v.Groups(c[v][key])...)
			c[v][key] = v.Fold(key, c[v][key], e)
			changed[v.Name] = append(changed[v.Name], append(names, v.Groups(c[v][key])...)...)
		}
	}
	return changed
}

// TestWhatChangesAnAnswerOutdatesIt asks every route after every event: where the answer is
// another than before, the event has changed a row or a group that the one before depends
// on. Else the one before would stay in memory.
func TestWhatChangesAnAnswerOutdatesIt(t *testing.T) {
	t.Parallel()
	s := changing(t)
	s.happen(events.ID{}, events.StreamOf(events.KindWebhook, s.hook), &events.WebhookDisabled{Reason: "holidays"})
	s.happen(s.bob, events.StreamOf(events.KindComment, s.onPoint), &events.CommentEdited{Text: "没有用"})
	s.happen(s.ann, events.StreamOf(events.KindComment, s.reply), &events.CommentDeleted{})
	s.happen(s.wei, events.StreamOf(events.KindPoint, s.strokes), &events.PointRevised{Title: new("笔画二")})
	s.happen(s.wei, events.StreamOf(events.KindPath, s.course), &events.PathArchived{})
	s.happen(s.bob, events.StreamOf(events.KindUser, s.bob), &events.UserSuspended{})
	s.happen(s.ann, events.StreamOf(events.KindGoal, s.public), &events.GoalDeleted{})
	o := &overheard{}
	s.api.answers = o
	type given struct {
		body string
		overheard
	}
	tokens := map[string]string{"anyone": "", "ann": s.as(s.ann), "bob": s.as(s.bob), "an admin": token(s.wei, events.Admin)}
	before, reached := map[string]given{}, map[string]bool{}
	whole, told := s.log, changes{}
	for at, e := range whole {
		s.log = whole[:at+1]
		s.project()
		changed := told.of(e)
		for route, targets := range s.everything() {
			for _, target := range targets {
				for who, token := range tokens {
					what := fmt.Sprintf("%s to %s", target, who)
					*o = overheard{}
					got := s.get(target, token)
					if was, there := before[what]; there && got.body != was.body {
						require.True(t, was.outdated(changed), "%s changes %s, which depends on %q of %q", e.Type, what, was.deps, was.views)
						reached[route] = true
					}
					if delete(before, what); got.status == http.StatusOK {
						before[what] = given{got.body, *o}
					}
				}
			}
		}
	}
	for _, r := range Routes() { // deliveries are no event's
		require.True(t, reached[r.Name] || r.Name == "listDeliveries", "no event changes an answer of %s", r.Name)
	}
}

// everything is what to ask each route for, by its name.
func (s *school) everything() map[string][]string {
	ann, bob := "/v1/users/"+s.ann.String(), "/v1/users/"+s.bob.String()
	on := func(kind events.TargetType, id events.ID) string {
		return fmt.Sprintf("/v1/comments?total=true&target_type=%s&target_id=%s", kind, id)
	}
	const day = "?at=2026-03-01"
	return map[string][]string{
		"getMe":             {"/v1/users/me"},
		"getUser":           {ann, bob},
		"getUsers":          {"/v1/users?ids=" + s.bob.String() + "," + s.ann.String()},
		"listUserGoals":     {ann + "/goals", ann + "/goals?status=active&total=true"},
		"getGoal":           {"/v1/goals/" + s.public.String(), "/v1/goals/" + s.private.String()},
		"listGoals":         {"/v1/goals?total=true", "/v1/goals?q=读", "/v1/goals?ids=" + s.public.String() + "," + s.private.String()},
		"getPath":           {"/v1/paths/" + s.course.String(), "/v1/paths/" + s.draft.String()},
		"listPaths":         {"/v1/paths?total=true", "/v1/paths?q=汉"},
		"getPoint":          {"/v1/points/" + s.radicals.String(), "/v1/points/" + s.idioms.String()},
		"listPoints":        {"/v1/points?total=true", "/v1/points?q=部", "/v1/points?ids=" + s.idioms.String() + "," + s.radicals.String()},
		"listProgress":      {ann + "/progress?total=true"},
		"listAssessments":   {ann + "/assessments?total=true", ann + "/assessments?since=2026-03-01"},
		"getAssessment":     {"/v1/assessments/" + s.quiz.String()},
		"getComment":        {"/v1/comments/" + s.bad.String(), "/v1/comments/" + s.onQuiz.String()},
		"listComments":      {on(events.TargetPoint, s.strokes), on(events.TargetAssessment, s.quiz)},
		"listUserComments":  {bob + "/comments?total=true"},
		"getPopularGoals":   {"/v1/popular-goals" + day},
		"getTrendingPoints": {"/v1/trending-points" + day},
		"getStatistics":     {"/v1/statistics" + day},
		"getWebhook":        {"/v1/webhooks/" + s.hook.String()},
		"listWebhooks":      {"/v1/webhooks?total=true"},
	}
}
