package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/query"
)

// school is a small world: a curator's published path of three points, and a
// learner with a public and a private goal on it and on a draft path.
type school struct {
	*world
	ann, wei, bob               events.ID
	strokes, radicals, idioms   events.ID
	course, draft               events.ID
	public, private             events.ID
	quiz, exam                  events.ID
	onPoint, onQuiz, reply, bad events.ID
	hook                        events.ID
}

func newSchool(t testing.TB) *school {
	w := newWorld(t, nil)
	s := &school{world: w, ann: w.register("ann"), wei: w.register("小薇"), bob: w.register("bob")}
	point := func(title string, level int) events.ID {
		return w.begin(s.wei, events.KindPoint, &events.PointCreated{Title: title, Category: "中文", Difficulty: level})
	}
	s.strokes, s.radicals, s.idioms = point("笔画", 1), point("部首", 2), point("成语", 5)
	s.hook = w.begin(events.ID{}, events.KindWebhook, &events.WebhookRegistered{URL: "https://example.org/hook", EventTypes: []string{"goal.*"}})
	w.happen(events.ID{}, events.Curriculum, &events.PrerequisitesSet{
		Point: s.radicals, Prerequisites: events.Change[[]events.ID]{To: []events.ID{s.strokes}},
	})
	s.course = w.begin(s.wei, events.KindPath, &events.PathCreated{Title: "汉字", Points: []events.ID{s.strokes, s.radicals}})
	w.happen(s.wei, events.StreamOf(events.KindPath, s.course), &events.PathPublished{Title: "汉字", Category: "中文"})
	s.draft = w.begin(s.ann, events.KindPath, &events.PathCreated{Title: "My idioms", Points: []events.ID{s.radicals, s.idioms}})
	goal := func(title string, visibility events.Visibility) events.ID {
		id := w.begin(s.ann, events.KindGoal, &events.GoalCreated{
			Title: events.Personal(title), Category: "中文", Visibility: visibility, Paths: []events.ID{s.course, s.draft},
		})
		w.happen(s.ann, events.StreamOf(events.KindGoal, id), &events.GoalStarted{})
		return id
	}
	s.public, s.private = goal("读报纸", events.Public), goal("Pass the exam", events.Private)
	study := events.StreamOf(events.KindStudy, s.ann)
	w.happen(s.ann, study, &events.Studied{Point: s.strokes, Amount: 30})
	w.happen(s.ann, study, &events.PointLearnt{Point: s.strokes})
	w.happen(s.ann, study, &events.Studied{Point: s.idioms, Amount: 7})
	s.quiz = w.begin(s.ann, events.KindAssessment, &events.AssessmentScheduled{Type: events.Quiz, MaxScore: 50_00})
	w.happen(s.ann, events.StreamOf(events.KindAssessment, s.quiz), &events.AssessmentGraded{Score: 37_50})
	s.exam = w.begin(s.ann, events.KindAssessment, &events.AssessmentScheduled{Type: events.Exam, MaxScore: 100_00})
	on := func(author events.ID, k events.TargetType, id events.ID, text events.Personal) events.ID {
		return w.begin(author, events.KindComment, &events.CommentPosted{Target: events.Target{Type: k, ID: id}, Text: text})
	}
	s.onPoint = on(s.bob, events.TargetPoint, s.strokes, "很有用")
	s.reply = on(s.ann, events.TargetPoint, s.strokes, "Indeed")
	s.bad = on(s.bob, events.TargetPoint, s.strokes, "Rubbish")
	w.happen(s.bob, events.StreamOf(events.KindComment, s.bad), &events.CommentHidden{})
	s.onQuiz = on(s.ann, events.TargetAssessment, s.quiz, "May I repeat it?")
	w.project()
	return s
}

func (s *school) as(id events.ID) string { return token(id, events.Learner) }

func TestGoalIsComposedForItsViewer(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	target := "/v1/goals/" + s.public.String()

	own := read[query.Goal](s.world, target, s.as(s.ann))
	require.Equal(t, "读报纸", own.Title)
	require.Equal(t, events.GoalStatusActive, own.Status)
	require.Equal(t, 2, own.Version)
	require.Len(t, own.Paths, 2)
	require.Equal(t, "My idioms", own.Paths[1].Title)
	require.Equal(t, []string{"笔画", "部首"}, []string{own.Paths[0].Points[0].Title, own.Paths[0].Points[1].Title})
	require.True(t, *own.Paths[0].Points[0].Completed)
	require.False(t, *own.Paths[0].Points[1].Completed)
	require.Equal(t, 1, own.Progress.Completed)
	require.Equal(t, 3, own.Progress.Total, "a point in two paths counts once")
	require.Equal(t, 33, *own.Progress.Percent)

	others := read[query.Goal](s.world, target, s.as(s.bob))
	require.Len(t, others.Paths, 1, "another's draft is not shown")
	require.Equal(t, query.GoalProgress{Completed: 0, Total: 2, Percent: new(int)}, *others.Progress, "the viewer's own")

	anyone := read[query.Goal](s.world, target, "")
	require.Nil(t, anyone.Progress)
	require.Nil(t, anyone.Paths[0].Points[0].Completed)
}

// TestPointIsOneText: what stands in the table is the answer, alone, among others and in a
// list. TestLookBack compares it with what is put together from the log.
func TestPointIsOneText(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	list := s.get("/v1/points?limit=3", "")
	for id, prerequisites := range map[events.ID]string{s.strokes: "[]", s.radicals: `["` + s.strokes.String() + `"]`} {
		alone := s.get("/v1/points/"+id.String(), "")
		require.Equal(t, http.StatusOK, alone.status)
		require.Contains(t, alone.body, `"prerequisites":`+prerequisites+`,"created_at"`)
		require.NotContains(t, alone.body, "estimated_minutes", "unknown")
		require.Regexp(t, `^"1\.`, alone.header.Get("ETag"))
		require.Equal(t, `{"items":[`+alone.body+`]}`, s.get("/v1/points?ids="+id.String(), "").body)
		require.Contains(t, list.body, alone.body)
	}
}

func TestGoalsByID(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	target := "/v1/goals?ids=" + s.private.String() + "," + s.draft.String() + "," + s.public.String()
	titles := func(token string) (titles []string) {
		for _, g := range read[query.Page[query.Goal]](s.world, target, token).Items {
			titles = append(titles, g.Title)
		}
		return titles
	}
	require.Equal(t, []string{"Pass the exam", "读报纸"}, titles(s.as(s.ann)), "in the order asked for, without what is missing")
	require.Equal(t, []string{"读报纸"}, titles(s.as(s.bob)))
}

func TestProfile(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	own := read[query.User](s.world, "/v1/users/me", s.as(s.ann))
	require.Equal(t, "ann", own.Username)
	require.Len(t, own.Goals, 2)
	require.Equal(t, s.private, own.Goals[0].ID, "newest first")
	require.Equal(t, 33, *own.Goals[0].Progress.Percent)

	seen := read[query.User](s.world, "/v1/users/"+s.ann.String(), s.as(s.bob))
	require.Equal(t, "Display ann", seen.DisplayName)
	require.Empty(t, seen.Username+seen.Email+string(seen.Role)+string(seen.Status))
	require.Len(t, seen.Goals, 1)
	require.Equal(t, s.public, seen.Goals[0].ID)
	require.Nil(t, seen.Goals[0].Progress, "on another's profile it is nobody's")

	moderated := read[query.User](s.world, "/v1/users/"+s.ann.String(), token(s.bob, events.Moderator))
	require.Equal(t, "ann@example.org", moderated.Email)
	require.Len(t, moderated.Goals, 1, "a private goal is its owner's alone")

	several := read[query.Page[query.User]](s.world, "/v1/users?ids="+s.bob.String()+","+s.quiz.String()+","+s.ann.String(), "")
	require.Equal(t, []events.ID{s.bob, s.ann}, []events.ID{several.Items[0].ID, several.Items[1].ID})
}

func TestListsCount(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	total := func(target, token string) int {
		page := read[query.Page[map[string]any]](s.world, target, token)
		require.NotNil(t, page.Total, target)
		require.Len(t, page.Items, int(*page.Total), target)
		return int(*page.Total)
	}
	of := "/v1/users/" + s.ann.String()
	for _, c := range []struct {
		target, token string
		want          int
	}{
		{of + "/goals?total=true", s.as(s.ann), 2},
		{of + "/goals?total=true", s.as(s.bob), 1},
		{of + "/goals?total=true&status=active&category=中文", s.as(s.ann), 2},
		{of + "/goals?total=true&status=paused", s.as(s.ann), 0},
		{of + "/goals?total=true&category=music", s.as(s.ann), 0},
		{"/v1/goals?total=true", "", 1},
		{"/v1/goals?total=true&category=中文&status=active", "", 1},
		{"/v1/paths?total=true&status=published&category=中文", "", 1},
		{"/v1/points?total=true", "", 3},
		{"/v1/points?total=true&difficulty_level=2", "", 1},
		{"/v1/points?total=true&difficulty_level=2&category=中文", "", 1},
		{"/v1/points?total=true&category=x", "", 0},
		{of + "/progress?total=true", s.as(s.ann), 2},
		{of + "/assessments?total=true", s.as(s.ann), 2},
		{of + "/assessments?total=true&assessment_type=exam", s.as(s.ann), 1},
		{of + "/assessments?total=true&status=graded", token(s.bob, events.Curator), 1},
		{of + "/assessments?total=true&status=graded&assessment_type=exam", s.as(s.ann), 0},
		{"/v1/comments?total=true&target_type=point&target_id=" + s.strokes.String(), "", 3},
		{of + "/comments?total=true", s.as(s.ann), 2},
	} {
		require.Equal(t, c.want, total(c.target, c.token), c.target)
	}
	require.Len(t, read[query.Page[query.Assessment]](s.world, of+"/assessments?since=2026-03-01", s.as(s.ann)).Items, 2)
	require.Empty(t, read[query.Page[query.Assessment]](s.world, of+"/assessments?since=2026-03-02", s.as(s.ann)).Items)

	s.now = time.Date(1969, 12, 31, 12, 0, 0, 0, time.UTC)
	s.begin(s.ann, events.KindAssessment, &events.AssessmentScheduled{Type: events.Exam, MaxScore: 100_00})
	s.project()
	require.Equal(t, ok, s.caughtUp(of+"/assessments", s.as(s.ann)).status)
	require.Len(t, read[query.Page[query.Assessment]](s.world, of+"/assessments?since=1969-12-31", s.as(s.ann)).Items, 3)
	require.Len(t, read[query.Page[query.Assessment]](s.world, of+"/assessments?since=1970-01-01", s.as(s.ann)).Items, 2)
}

func TestThread(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	thread := func(token string) (texts []string) {
		page := read[query.Page[query.Comment]](s.world, "/v1/comments?target_type=point&target_id="+s.strokes.String(), token)
		for _, c := range page.Items {
			if c.Text == nil {
				texts = append(texts, string(c.Status))
			} else {
				texts = append(texts, *c.Text)
			}
		}
		return texts
	}
	require.Equal(t, []string{"很有用", "Indeed", "hidden"}, thread(""))
	require.Equal(t, []string{"很有用", "Indeed", "Rubbish"}, thread(s.as(s.bob)), "its author")
	require.Equal(t, []string{"很有用", "Indeed", "Rubbish"}, thread(token(s.wei, events.Moderator)))

	onQuiz := "/v1/comments?target_type=assessment&target_id=" + s.quiz.String()
	require.Equal(t, http.StatusNotFound, s.get(onQuiz, s.as(s.bob)).status)
	require.Equal(t, http.StatusOK, s.get(onQuiz, s.as(s.ann)).status)
	require.Equal(t, http.StatusNotFound, s.get("/v1/comments?target_type=goal&target_id="+s.private.String(), "").status)
	require.Equal(t, http.StatusNotFound, s.get("/v1/comments?target_type=path&target_id="+s.draft.String(), s.as(s.bob)).status)
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	got := read[query.Statistics](s.world, "/v1/statistics?at=2026-03-01", "")
	percent := func(n events.Hundredths) *events.Hundredths { return &n }
	that := func(n int64) query.Lately { return query.Lately{Day: n, Week: n, Month: n} } // all of it that day
	require.Equal(t, query.Statistics{
		At: events.DateOf(beginning), Active: that(1),
		Users: query.UserFigures{
			Total: 3, Active: 3, Registered: that(3), Rates: query.UserRates{Active: percent(100_00), Suspended: percent(0)},
		},
		Goals: query.GoalFigures{
			Total: 2, Active: 2, Lately: query.GoalLately{Created: that(2)}, Rates: query.GoalRates{
				Draft: percent(0), Active: percent(100_00), Paused: percent(0), Completed: percent(0), Abandoned: percent(0),
			},
		},
		Paths: query.PathFigures{
			Total: 2, Draft: 1, Published: 1, Lately: query.PathLately{Created: that(2), Published: that(1)},
			Rates: query.PathRates{Draft: percent(50_00), Published: percent(50_00), Archived: percent(0)},
		},
		Points: 3,
		Assessments: query.AssessmentFigures{
			Total: 2, Scheduled: 1, Graded: 1, Quiz: 1, Exam: 1, WithoutScore: 1, MeanScore: percent(75_00),
			Lately: query.AssessmentLately{Created: that(2), Graded: that(1)}, Rates: query.AssessmentRates{
				Scheduled: percent(50_00), Submitted: percent(0), Graded: percent(50_00), Void: percent(0),
			},
		},
		Study: query.StudyFigures{
			Amount: 37, Times: 2, Started: 2, Completed: 1, CompletedRate: percent(50_00), Learnt: that(1),
		},
		Comments: query.CommentFigures{
			Total: 4, Visible: 3, Hidden: 1, Created: that(4),
			Rates: query.CommentRates{Visible: percent(75_00), Edited: percent(0), Hidden: percent(25_00)},
		},
	}, got)
	before := events.DateOf(time.Now())
	today := read[query.Statistics](s.world, "/v1/statistics", "")
	require.Contains(t, []events.Date{before, events.DateOf(time.Now())}, today.At)
	require.Equal(t, got.Goals.Total, today.Goals.Total, "counts are as of the position, whatever the day")
}
