package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
	"sical-backend/query"
)

// crowded gives the school more of everything, several of it at one instant.
func crowded(t *testing.T) *school {
	s := newSchool(t)
	s.crowd()
	return s
}

// crowd adds to all that there are lists of.
func (s *school) crowd() {
	statuses := []events.Data{&events.GoalStarted{}, &events.GoalPaused{}, &events.GoalCompleted{}}
	for n := range 30 {
		at := s.now
		category := []string{"中文", "maths", ""}[n%3]
		visibility := []events.Visibility{events.Private, events.Public}[n%2]
		goal := s.begin(s.ann, events.KindGoal, &events.GoalCreated{Title: "g", Category: category, Visibility: visibility})
		s.happen(s.ann, events.StreamOf(events.KindGoal, goal), statuses[n/3%len(statuses)])
		point := s.begin(s.wei, events.KindPoint, &events.PointCreated{Title: "p", Category: category, Difficulty: n%10 + 1})
		s.happen(s.ann, events.StreamOf(events.KindStudy, s.ann), &events.Studied{Point: point, Amount: 1})
		path := s.begin(s.wei, events.KindPath, &events.PathCreated{Title: "t"})
		s.happen(s.wei, events.StreamOf(events.KindPath, path), &events.PathPublished{Title: "t", Category: category})
		assessment := s.begin(s.ann, events.KindAssessment, &events.AssessmentScheduled{
			Type: []events.AssessmentType{events.Quiz, events.Exam}[n%2], MaxScore: 1,
		})
		if n%3 == 0 {
			s.happen(s.ann, events.StreamOf(events.KindAssessment, assessment), &events.AssessmentSubmitted{})
		}
		s.begin(s.ann, events.KindComment, &events.CommentPosted{Target: events.Target{Type: events.TargetPoint, ID: s.idioms}, Text: "c"})
		if n%4 != 0 {
			s.now = at
		}
	}
	s.project()
}

// lists are those of the school, each by all that it may be narrowed by.
func (s *school) lists() []string {
	of := "/v1/users/" + s.ann.String()
	return []string{
		"/v1/goals?", "/v1/goals?category=中文", "/v1/goals?status=completed", "/v1/goals?category=maths&status=active",
		of + "/goals?", of + "/goals?status=paused", of + "/goals?category=中文", of + "/goals?category=maths&status=active",
		"/v1/paths?", "/v1/paths?category=maths", "/v1/points?", "/v1/points?category=中文", "/v1/points?difficulty_level=3",
		"/v1/points?category=中文&difficulty_level=3",
		of + "/progress?", of + "/assessments?", of + "/assessments?assessment_type=quiz", of + "/assessments?status=submitted",
		of + "/assessments?assessment_type=exam&status=scheduled", of + "/assessments?since=2026-03-01",
		of + "/comments?", "/v1/comments?target_type=point&target_id=" + s.idioms.String(),
	}
}

// TestPagesMakeUpTheList: whatever the size of its pages, a list is the same.
func TestPagesMakeUpTheList(t *testing.T) {
	t.Parallel()
	s := crowded(t)
	for _, list := range s.lists() {
		whole := s.walk(list, 200)
		require.NotEmpty(t, whole, list)
		for _, size := range []int{1, 7} {
			require.Equal(t, whole, s.walk(list, size), "%s in pages of %d", list, size)
		}
		ids := slices.Clone(whole)
		slices.Sort(ids)
		require.Len(t, slices.Compact(ids), len(whole), "%s shows nothing twice", list)
	}
}

// TestPagesAreStable: what is added while somebody walks a list moves nothing of
// what they have not seen yet.
func TestPagesAreStable(t *testing.T) {
	t.Parallel()
	s := crowded(t)
	s.crowd() // of some lists a first crowd has one item
	before, cursors := map[string][]string{}, map[string]string{}
	for _, list := range s.lists() {
		before[list] = s.walk(list, 200)
		cursors[list] = read[query.Page[map[string]any]](s.world, list+"&limit=1", s.as(s.ann)).NextCursor
		require.NotEmpty(t, cursors[list], list)
	}
	s.crowd()
	for _, list := range s.lists() {
		rest := s.walk(list+"&cursor="+url.QueryEscape(cursors[list]), 7)
		unseen := slices.DeleteFunc(rest, func(name string) bool { return !slices.Contains(before[list], name) })
		require.Equal(t, before[list][1:], unseen, list)
		require.Greater(t, len(s.walk(list, 200)), len(before[list]), "%s has more by now", list)
	}
}

// walk follows the links through a list and returns what names its items.
func (s *school) walk(list string, size int) (names []string) {
	s.t.Helper()
	target := strings.TrimSuffix(fmt.Sprintf("%s&limit=%d", list, size), "&")
	for target != "" {
		got := s.caughtUp(target, s.as(s.ann)) // what is in memory may be as old as is promised
		var page query.Page[map[string]any]
		require.NoError(s.t, json.Unmarshal([]byte(got.body), &page))
		require.LessOrEqual(s.t, len(page.Items), size)
		for _, item := range page.Items {
			name := item["id"]
			if name == nil {
				name = item["point_id"]
			}
			names = append(names, name.(string))
		}
		link := got.header.Get("Link")
		require.Equal(s.t, page.NextCursor != "", link != "", "Link and next_cursor say the same")
		target = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	}
	return names
}

func TestOrders(t *testing.T) {
	t.Parallel()
	s := crowded(t)
	times := func(target string) (times []string) {
		for _, item := range read[query.Page[map[string]any]](s.world, target, s.as(s.ann)).Items {
			times = append(times, item["created_at"].(string))
		}
		return times
	}
	newest := times("/v1/users/" + s.ann.String() + "/goals?limit=200")
	slices.Reverse(newest)
	require.IsIncreasing(t, slices.Compact(newest))
	require.IsIncreasing(t, slices.Compact(times("/v1/comments?limit=200&target_type=point&target_id="+s.idioms.String())))
}

func TestCursorsAreChecked(t *testing.T) {
	t.Parallel()
	s := crowded(t)
	first := read[query.Page[query.Point]](s.world, "/v1/points?limit=2", "")
	raw, err := base64.RawURLEncoding.DecodeString(first.NextCursor)
	require.NoError(t, err)
	mangled := slices.Clone(raw)
	mangled[9] ^= 1
	for name, target := range map[string]string{
		"of another list":      "/v1/paths?cursor=" + first.NextCursor,
		"of another filter":    "/v1/points?category=maths&cursor=" + first.NextCursor,
		"mangled":              "/v1/points?cursor=" + base64.RawURLEncoding.EncodeToString(mangled),
		"cut":                  "/v1/points?cursor=" + first.NextCursor[:20],
		"longer":               "/v1/points?cursor=" + first.NextCursor + "AAAA",
		"no base64":            "/v1/points?cursor=!",
		"padded":               "/v1/points?cursor=" + url.QueryEscape(first.NextCursor+"="),
		"of a learner's list":  "/v1/users/" + s.ann.String() + "/progress?cursor=" + first.NextCursor,
		"with a newline in it": "/v1/points?cursor=" + url.QueryEscape(first.NextCursor[:4]+"\n"+first.NextCursor[4:]),
	} {
		got := s.get(target, s.as(s.ann))
		require.Equal(t, http.StatusBadRequest, got.status, name)
		require.Contains(t, got.body, `"parameter":"cursor"`, name)
	}
	next := read[query.Page[query.Point]](s.world, "/v1/points?limit=50&cursor="+first.NextCursor, "")
	require.NotContains(t, next.Items, first.Items[1], "another limit goes on where the last page ended")
}

func TestParametersAreChecked(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	of := "/v1/users/" + s.ann.String()
	for _, c := range []struct{ target, parameter string }{
		{"/v1/goals?limit=0", "limit"},
		{"/v1/goals?limit=201", "limit"},
		{"/v1/goals?limit=x", "limit"},
		{"/v1/goals?limit=1&limit=1", "limit"},
		{"/v1/goals?total=yes", "total"},
		{"/v1/goals?status=done", "status"},
		{"/v1/goals?Status=active", "Status"},
		{"/v1/goals?offset=3", "offset"},
		{"/v1/goals?ids=1", "ids"},
		{"/v1/goals?ids=" + s.public.String() + "&limit=3", "limit"},
		{"/v1/goals?ids=" + s.public.String() + "&status=active", "status"},
		{"/v1/goals?ids=" + s.public.String() + "&total=true", "total"},
		{"/v1/goals?ids=" + s.public.String() + "&total=yes", "total"},
		{"/v1/points?q=a&total=yes", "total"},
		{"/v1/goals?category=" + strings.Repeat("长", 201), "category"},
		{"/v1/paths?status=draft", "status"},
		{"/v1/points?difficulty_level=11", "difficulty_level"},
		{"/v1/users", "ids"},
		{"/v1/users?ids=" + strings.Repeat(s.ann.String()+",", 100) + s.ann.String(), "ids"},
		{"/v1/comments?target_type=goal", "target_id"},
		{"/v1/comments?target_type=user&target_id=" + s.ann.String(), "target_type"},
		{of + "/assessments?since=yesterday", "since"},
		{of + "/assessments?since=2026-03-01&total=true", "total"},
		{"/v1/statistics?at=yesterday", "at"},
		{"/v1/statistics?limit=3", "limit"},
		{"/v1/popular-goals?limit=201", "limit"},
		{"/v1/trending-points?limit=0", "limit"},
		{"/v1/trending-points?explain=1", "explain"},
		{"/v1/trending-points?cursor=x", "cursor"},
		{"/v1/points/" + s.strokes.String() + "?x=1", "x"},
	} {
		got := s.get(c.target, s.as(s.ann))
		require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", c.target, got.body)
		require.Contains(t, got.body, `"parameter":"`+c.parameter+`"`, c.target)
	}
	for _, list := range []string{
		"/v1/goals?ids=" + s.public.String(), "/v1/points?ids=" + s.strokes.String(), "/v1/goals?q=a", "/v1/paths?q=a", "/v1/points?q=a",
		of + "/assessments?since=2026-03-01",
	} {
		require.Equal(t, http.StatusOK, s.get(list+"&total=false", s.as(s.ann)).status, "%s is without one as it is", list)
	}
	for _, target := range []string{"/v1/goals/1", "/v1/goals/{" + s.public.String() + "}", "/v1/users/you/goals", "/v1/points/" + strings.ReplaceAll(s.strokes.String(), "-", "")} {
		require.Equal(t, http.StatusNotFound, s.get(target, s.as(s.ann)).status, target)
	}
}

// TestNoQueryBreaksTheServer asks every route with parameters nobody should send.
func TestNoQueryBreaksTheServer(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	cursor := read[query.Page[query.Point]](s.world, "/v1/points?limit=1", "").NextCursor
	values := []string{
		"", "0", "1", "-1", "200", "9999999999999999999", "true", "中文", "\x00", "\xff", "\x1f", "a\x1fb", "'; drop table x --", "%", "$1",
		"0000-00-00", "0001-01-01", "9999-12-31", "2026-02-30", "active", "published", "quiz", "goal", cursor,
		s.ann.String(), s.public.String(), events.ID{}.String(), s.ann.String() + "," + s.bob.String(), strings.Repeat("9", 200),
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := rapid.SampledFrom(Routes()).Draw(rt, "route")
		given := url.Values{}
		for _, p := range r.Params {
			if rapid.Bool().Draw(rt, p.Name+" given") {
				given.Set(p.Name, rapid.SampledFrom(values).Draw(rt, p.Name))
			}
		}
		id := rapid.SampledFrom([]string{s.ann.String(), s.public.String(), events.ID{}.String(), "x", "%00"}).Draw(rt, "id")
		target := strings.ReplaceAll(r.Path, "{id}", id) + "?" + given.Encode()
		got := s.get(target, rapid.SampledFrom([]string{"", s.as(s.ann)}).Draw(rt, "token"))
		require.Less(rt, got.status, 500, "%s: %s", target, got.body)
	})
}
