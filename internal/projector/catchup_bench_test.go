package projector

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/projections"
)

// BenchmarkCatchUp folds a log of study events that stands already, of which two
// to three meet in a row: in one learner's runs, or scattered over the log.
func BenchmarkCatchUp(b *testing.B) {
	const all, rows, learners = 300_000, 120_000, 8_000
	for _, order := range []string{"runs", "scattered"} {
		b.Run(order, func(b *testing.B) {
			w := newWorld(b)
			for i := range all {
				row := i * rows / all
				if order == "scattered" {
					row = w.r.IntN(rows)
				}
				w.study(row*learners/rows, row)
			}
			w.catchUp(b, projections.Progress.View)
		})
	}
}

// BenchmarkCatchUpAll has all views fold a log of every kind of event, in about
// the proportions of the real data set, from the same position on.
func BenchmarkCatchUpAll(b *testing.B) {
	w := newWorld(b)
	w.mix(3_000)
	w.catchUp(b, projections.Views()...)
}

// mix makes events of every kind, of so many learners.
func (w *world) mix(learners int) {
	for n := range learners {
		id := named("learner", n)
		w.event(events.StreamOf(events.KindUser, id), 1, id, &events.UserRegistered{Username: "学生", Role: events.Learner})
		goal := events.StreamOf(events.KindGoal, named("goal", n))
		w.event(goal, 1, id, &events.GoalCreated{Title: "Go", Category: "语言", Visibility: events.Private})
		w.event(goal, 2, id, &events.GoalStarted{From: events.GoalStatusDraft})
		for i := range 6 {
			test := events.StreamOf(events.KindAssessment, named("assessment", n*6+i))
			w.event(test, 1, id, &events.AssessmentScheduled{Type: events.Quiz, MaxScore: 10000, Weight: 100})
			w.event(test, 2, id, &events.AssessmentSubmitted{From: events.AssessmentStatusScheduled})
			w.event(test, 3, id, &events.AssessmentGraded{From: events.AssessmentStatusSubmitted, Score: 7250})
		}
		for i := range 37 {
			w.study(n, n*16+i%16)
		}
		w.event(goal, 3, id, &events.GoalCompleted{From: events.GoalStatusActive})
	}
}

func named(kind string, n int) events.ID { return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, kind, n)) }

func (w *world) study(learner, point int) {
	id := named("learner", learner)
	w.event(events.StreamOf(events.KindStudy, id), len(w.log)+1, id, &events.Studied{Point: named("point", point%2000), Amount: 3})
}

// catchUp measures how long the views take from nothing to the end of the log.
func (w *world) catchUp(b *testing.B, views ...*projections.View) {
	w.store(w.log)
	_, err := w.admin.Exec(b.Context(), `vacuum analyze sical.events`)
	require.NoError(b, err)
	b.ResetTimer()
	for b.Loop() {
		begun := time.Now()
		_, stop := w.start(nil, views...)
		w.reaches(uint64(len(w.log)), views...)
		b.ReportMetric(float64(len(w.log))/time.Since(begun).Seconds(), "events/s")
		stop()
		_, err := w.admin.Exec(b.Context(), `delete from sical.projection`) // another build begins
		require.NoError(b, err)
	}
}
