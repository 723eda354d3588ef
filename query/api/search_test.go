package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/query"
)

// found walks a search to its end, in pages of a size, and lists the titles.
func (s *school) found(list, q, token string, size int) (titles []string) {
	s.t.Helper()
	target := fmt.Sprintf("%s?limit=%d&q=%s", list, size, url.QueryEscape(q))
	for target != "" {
		page := read[query.Page[map[string]any]](s.world, target, token)
		require.LessOrEqual(s.t, len(page.Items), size)
		for _, item := range page.Items {
			titles = append(titles, item["title"].(string))
		}
		link := s.get(target, token).header.Get("Link")
		require.Equal(s.t, page.NextCursor != "", link != "")
		target = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	}
	return titles
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	path := s.begin(s.wei, events.KindPath, &events.PathCreated{Title: "x"})
	s.happen(s.wei, events.StreamOf(events.KindPath, path), &events.PathPublished{Title: "Graph Theory 图论入门", Description: "Trees, flows", Category: "maths"})
	archived := s.begin(s.wei, events.KindPath, &events.PathCreated{Title: "x"})
	s.happen(s.wei, events.StreamOf(events.KindPath, archived), &events.PathPublished{Title: "Old graph"})
	s.happen(s.wei, events.StreamOf(events.KindPath, archived), &events.PathArchived{})
	s.begin(s.wei, events.KindPoint, &events.PointCreated{Title: "Ｇｒａｐｈ", Description: "图的遍历 葛\U000E0100飾 co\u00adoperate", Category: "maths", Difficulty: 2})
	s.begin(s.bob, events.KindGoal, &events.GoalCreated{Title: "Graphs for me", Description: "图论", Visibility: events.Private})
	s.project()
	all := func(of string, q string, token string) (titles []string) {
		titles = s.found(of, q, token, 20)
		require.Equal(t, titles, s.found(of, q, token, 1), "one by one")
		return titles
	}
	for _, c := range []struct {
		list, q, token string
		want           []string
	}{
		{"/v1/paths", "GRAPH", "", []string{"Graph Theory 图论入门"}},
		{"/v1/paths", "flows 图论", "", []string{"Graph Theory 图论入门"}},
		{"/v1/paths", "论入", "", []string{"Graph Theory 图论入门"}},
		{"/v1/paths", "汉", "", []string{"汉字"}},
		{"/v1/paths", "idioms", s.as(s.ann), nil}, // a draft, even one's own
		{"/v1/points", "graph", "", []string{"Ｇｒａｐｈ"}},
		{"/v1/points", "遍历", "", []string{"Ｇｒａｐｈ"}},
		{"/v1/points", "❤️ 葛飾 cooperate", "", []string{"Ｇｒａｐｈ"}},
		{"/v1/points", "笔", "", []string{"笔画"}},
		{"/v1/points", "笔部", "", nil},
		{"/v1/goals", "报纸", "", []string{"读报纸"}},
		{"/v1/goals", "exam", s.as(s.ann), []string{"Pass the exam"}},
		{"/v1/goals", "exam", s.as(s.bob), nil},
		{"/v1/goals", "exam", token(s.wei, events.Admin), nil},
		{"/v1/goals", "graphs", s.as(s.bob), []string{"Graphs for me"}},
		{"/v1/goals", "图论", s.as(s.bob), []string{"Graphs for me"}},
		{"/v1/goals", "图论", "", nil},
	} {
		require.Equal(t, c.want, all(c.list, c.q, c.token), "%s?q=%s", c.list, c.q)
	}
	narrowed := read[query.Page[query.Path]](s.world, "/v1/paths?q=graph&category=中文", "")
	require.Empty(t, narrowed.Items)
	require.Len(t, read[query.Page[query.Point]](s.world, "/v1/points?q=graph&category=maths&difficulty_level=2", "").Items, 1)
	require.Len(t, read[query.Page[query.Goal]](s.world, "/v1/goals?q=exam&status=active&category=中文", s.as(s.ann)).Items, 1)
	require.Empty(t, read[query.Page[query.Goal]](s.world, "/v1/goals?q=exam&status=paused", s.as(s.ann)).Items)
	for target, parameter := range map[string]string{
		"/v1/goals?q=!": "q", "/v1/goals?q=❤️": "q", "/v1/paths?q=%20": "q", "/v1/points?q=" + strings.Repeat("a", 201): "q", "/v1/goals?q=a&q=b": "q",
		"/v1/goals?q=a&total=true": "total", "/v1/paths?q=a&total=true": "total", "/v1/points?q=a&total=true": "total",
		"/v1/goals?q=a&ids=" + s.public.String(): "q", "/v1/points?q=a&ids=" + s.public.String(): "q",
		"/v1/users/" + s.ann.String() + "/goals?q=a": "q",
	} {
		got := s.get(target, s.as(s.ann))
		require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", target, got.body)
		require.Contains(t, got.body, `"parameter":"`+parameter+`"`, target)
	}
}

// TestSearchOpensInPieces: goals beyond what a page opens are found by going on,
// the viewer's own among those of others, each once and in order.
func TestSearchOpensInPieces(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	var want []string
	for n := range 2600 {
		owner, visibility, title := s.bob, events.Public, fmt.Sprintf("Filler %d", n)
		if n%7 == 0 {
			owner, visibility = s.ann, events.Private
		}
		if n%400 == 3 || n%700 == 0 {
			title = fmt.Sprintf("Needle %d", n)
			want = append(want, title)
		}
		s.begin(owner, events.KindGoal, &events.GoalCreated{Title: events.Personal(title), Visibility: visibility})
	}
	s.project()
	slices.Reverse(want)
	require.Equal(t, want, s.found("/v1/goals", "needle", s.as(s.ann), 20))
	require.Equal(t, want, s.found("/v1/goals", "needle", s.as(s.ann), 2))
	public := slices.DeleteFunc(slices.Clone(want), func(title string) bool {
		var n int
		_, err := fmt.Sscanf(title, "Needle %d", &n)
		require.NoError(t, err)
		return n%7 == 0
	})
	require.Equal(t, public, s.found("/v1/goals", "NEEDLE", s.as(s.bob), 200))
	first := read[query.Page[query.Goal]](s.world, "/v1/goals?q=needle", s.as(s.ann))
	require.Equal(t, http.StatusBadRequest, s.get("/v1/goals?q=filler&cursor="+first.NextCursor, s.as(s.ann)).status, "a cursor is of its search")
	require.Equal(t, http.StatusBadRequest, s.get("/v1/goals?q=needle&cursor="+first.NextCursor, s.as(s.bob)).status)
	require.Empty(t, read[query.Page[query.Goal]](s.world, "/v1/goals?q=nothing", s.as(s.ann)).Items)
}
