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

// BenchmarkCatchUp folds a log that stands already: study events of which two
// to three meet in a row, as in the real data set, scattered over the log, or
// in one learner's runs.
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
				learner := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "learner", row*learners/rows))
				point := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "point", row%2000))
				w.event(events.StreamOf(events.KindStudy, learner), i+1, learner, &events.Studied{Point: point, Amount: 3})
			}
			w.store(w.log)
			_, err := w.admin.Exec(b.Context(), `vacuum analyze sical.events`)
			require.NoError(b, err)
			b.ResetTimer()
			for b.Loop() {
				begun := time.Now()
				_, stop := w.start(nil, projections.Progress)
				w.reaches(all, projections.Progress)
				b.ReportMetric(all/time.Since(begun).Seconds(), "events/s")
				stop()
				_, err := w.admin.Exec(b.Context(), `delete from sical.projection; drop table sical_read.progress_v1`)
				require.NoError(b, err)
			}
		})
	}
}
