package api

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/query"
)

// busyYear gives the school a year and more of learners at work, in no order.
func busyYear(t *testing.T) (s *school, points, paths []events.ID) {
	s = newSchool(t)
	r := rand.New(rand.NewPCG(1, 2))
	start := s.now
	at := func() { s.now = start.Add(time.Duration(r.IntN(400*24*60)) * time.Minute) }
	learners := []events.ID{s.ann, s.bob, s.wei, s.register("d"), s.register("e"), s.register("f")}
	points = []events.ID{s.strokes, s.radicals, s.idioms}
	for i := range 3 {
		path := s.begin(s.wei, events.KindPath, &events.PathCreated{Title: "t"})
		s.happen(s.wei, events.StreamOf(events.KindPath, path), &events.PathPublished{
			Title: fmt.Sprintf("Path %d", i), Category: []string{"中文", "maths"}[i%2],
		})
		paths = append(paths, path)
	}
	paths = append(paths, s.draft)
	some := func(of []events.ID) (list []events.ID) {
		for _, id := range of {
			if r.IntN(2) == 0 {
				list = append(list, id)
			}
		}
		return list
	}
	for range 600 {
		at()
		learner := learners[r.IntN(len(learners))]
		study := events.StreamOf(events.KindStudy, learner)
		switch r.IntN(8) {
		case 0:
			s.happen(learner, study, &events.PointLearnt{Point: points[r.IntN(3)]})
		case 1:
			quiz := s.begin(learner, events.KindAssessment, &events.AssessmentScheduled{Type: events.Quiz, MaxScore: 1})
			at()
			covered := some(points)
			s.happen(learner, events.StreamOf(events.KindAssessment, quiz), &events.AssessmentSubmitted{From: events.AssessmentStatusScheduled, Points: covered})
			s.happen(s.wei, events.StreamOf(events.KindAssessment, quiz), &events.AssessmentGraded{From: events.AssessmentStatusSubmitted})
		case 2, 3:
			goal := events.StreamOf(events.KindGoal, s.begin(learner, events.KindGoal, &events.GoalCreated{Title: "g", Visibility: events.Private, Paths: some(paths)}))
			from := s.log[len(s.log)-1].Data.(*events.GoalCreated).Paths
			at()
			switch r.IntN(4) {
			case 0:
				s.happen(learner, goal, &events.GoalDeleted{Paths: from})
			case 1:
				s.happen(learner, goal, &events.GoalPathsSet{Paths: events.Change[[]events.ID]{From: from, To: some(paths)}})
			}
		default:
			s.happen(learner, study, &events.Studied{Point: points[r.IntN(3)], Amount: 1})
		}
	}
	s.project()
	return s, points, paths
}

// seen is something a learner did about a subject on a day.
type seen struct {
	subject, learner events.ID
	day              events.Date
}

// score adds up by hand what each subject is worth on a day.
func score(facts map[seen]bool, at events.Date, halfLife, span int) (scores, days map[events.ID]int64, learners map[events.ID]map[events.ID]bool) {
	scores, days, learners = map[events.ID]int64{}, map[events.ID]int64{}, map[events.ID]map[events.ID]bool{}
	for f := range facts {
		age := int(at - f.day)
		if age < 0 || age >= span {
			continue
		}
		scores[f.subject] += int64(math.Round(1e6 * math.Pow(0.5, float64(age)/float64(halfLife))))
		days[f.subject]++
		if learners[f.subject] == nil {
			learners[f.subject] = map[events.ID]bool{}
		}
		learners[f.subject][f.learner] = true
	}
	return scores, days, learners
}

// TestTrendingPoints compares the ranks with a count over the events themselves.
func TestTrendingPoints(t *testing.T) {
	t.Parallel()
	s, points, _ := busyYear(t)
	facts := map[seen]bool{}
	for _, e := range s.log {
		day := events.DateOf(e.OccurredAt)
		switch d := e.Data.(type) {
		case *events.Studied:
			facts[seen{d.Point, e.Owner, day}] = true
		case *events.PointLearnt:
			facts[seen{d.Point, e.Owner, day}] = true
		case *events.AssessmentSubmitted:
			for _, p := range d.Points {
				facts[seen{p, e.Owner, day}] = true
			}
		}
	}
	first := events.DateOf(s.log[0].OccurredAt)
	for _, at := range []events.Date{first - 1, first, first + 30, first + 200, first + 399, first + 440, first + 500} {
		scores, days, learners := score(facts, at, 7, 70)
		got := read[query.TrendingPoints](s.world, "/v1/trending-points?explain=true&at="+at.String(), "")
		require.Equal(t, at, got.At)
		require.Len(t, got.Items, len(scores), at)
		for _, item := range got.Items {
			require.Contains(t, points, item.ID)
			require.Equal(t, scores[item.ID], item.Score, "%s at %s", item.Title, at)
			require.Equal(t, days[item.ID], item.LearnerDays)
			require.Len(t, learners[item.ID], int(item.Learners), "%s at %s", item.Title, at)
			sum, pairs := int64(0), int64(0)
			for _, on := range item.MadeOf {
				sum += on.Learners * on.Weight
				pairs += on.Learners
			}
			require.Equal(t, item.Score, sum, "it says what it is made of")
			require.Equal(t, item.LearnerDays, pairs)
		}
		require.True(t, slices.IsSortedFunc(got.Items, func(a, b query.TrendingPoint) int { return cmp.Compare(b.Score, a.Score) }))
	}
	at := (first + 200).String()
	require.Len(t, read[query.TrendingPoints](s.world, "/v1/trending-points?limit=2&at="+at, "").Items, 2)
	require.Empty(t, read[query.TrendingPoints](s.world, "/v1/trending-points?category=maths&at="+at, "").Items)
	require.Nil(t, read[query.TrendingPoints](s.world, "/v1/trending-points?at="+at, "").Items[0].MadeOf, "only where asked for")
}

// TestPopularGoals compares the ranks with the goals as they are in the end.
func TestPopularGoals(t *testing.T) {
	t.Parallel()
	s, _, paths := busyYear(t)
	type attached struct{ goal, path events.ID }
	since := map[attached]seen{}
	for _, e := range s.log {
		goal := e.Stream.ID()
		set := func(now []events.ID) {
			for _, path := range append(slices.Clone(paths), s.course) {
				at := attached{goal, path}
				if _, before := since[at]; !slices.Contains(now, path) {
					delete(since, at)
				} else if !before {
					since[at] = seen{path, e.Owner, events.DateOf(e.OccurredAt)}
				}
			}
		}
		switch d := e.Data.(type) {
		case *events.GoalCreated:
			set(d.Paths)
		case *events.GoalPathsSet:
			set(d.Paths.To)
		case *events.GoalDeleted:
			set(nil)
		}
	}
	facts := map[seen]bool{}
	for _, f := range since {
		if f.subject != s.draft { // never published
			facts[f] = true
		}
	}
	first := events.DateOf(s.log[0].OccurredAt)
	for _, at := range []events.Date{first - 1, first, first + 100, first + 399, first + 539, first + 700} {
		scores, days, learners := score(facts, at, 14, 140)
		got := read[query.PopularGoals](s.world, "/v1/popular-goals?at="+at.String(), "")
		require.Len(t, got.Items, len(scores), at)
		for _, item := range got.Items {
			require.Equal(t, scores[item.ID], item.Score, "%s at %s", item.Title, at)
			require.Equal(t, days[item.ID], item.LearnerDays)
			require.Equal(t, int64(len(learners[item.ID])), item.Learners)
		}
	}
	at := (first + 399).String()
	maths := read[query.PopularGoals](s.world, "/v1/popular-goals?category=maths&explain=true&at="+at, "")
	require.Len(t, maths.Items, 1)
	require.Equal(t, "Path 1", maths.Items[0].Title)
	require.NotEmpty(t, maths.Items[0].MadeOf)
	require.NotContains(t, s.get("/v1/popular-goals?at="+at, s.as(s.ann)).body, "idioms", "a draft is nobody else's")
}

// TestStatisticsOfTheLastDays counts over the events themselves.
func TestStatisticsOfTheLastDays(t *testing.T) {
	t.Parallel()
	s, _, _ := busyYear(t)
	first := events.DateOf(s.log[0].OccurredAt)
	for _, at := range []events.Date{first - 1, first, first + 100, first + 399, first + 430, first + 600} {
		within := func(e events.Event, days events.Date) bool {
			day := events.DateOf(e.OccurredAt)
			return day <= at && day > at-days
		}
		var active, submitted query.Lately
		for days, part := range map[events.Date][2]*int64{
			1: {&active.Day, &submitted.Day}, 7: {&active.Week, &submitted.Week}, 30: {&active.Month, &submitted.Month},
		} {
			learners := map[events.ID]bool{}
			for _, e := range s.log {
				if !within(e, days) {
					continue
				}
				switch e.Data.(type) {
				case *events.Studied, *events.PointLearnt:
					learners[e.Owner] = true
				case *events.AssessmentSubmitted:
					learners[e.Owner] = true
					*part[1]++
				}
			}
			*part[0] = int64(len(learners))
		}
		// The quiz that newSchool graded at once was never handed in: ann was active.
		got := read[query.Statistics](s.world, "/v1/statistics?at="+at.String(), "")
		require.Equal(t, at, got.At)
		require.Equal(t, active, got.Active, at)
		require.Equal(t, submitted, got.Assessments.Lately.Submitted, at)
	}
	day := read[query.Statistics](s.world, "/v1/statistics?at="+first.String(), "")
	require.Equal(t, query.Lately{Day: 6, Week: 6, Month: 6}, day.Users.Registered)
	require.Equal(t, events.Hundredths(100_00), *day.Users.Rates.Active)
}
