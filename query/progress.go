package query

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// Progress is what a learner did on one knowledge point.
type Progress struct {
	Point       events.ID  `json:"point_id"`
	Amount      int64      `json:"amount" doc:"studied in all, in the units it was recorded in"`
	Times       int64      `json:"times" doc:"how often it was studied"`
	FirstAt     *time.Time `json:"first_studied_at,omitempty"`
	LastAt      *time.Time `json:"last_studied_at,omitempty"`
	CompletedAt *time.Time `json:"completed_at,omitempty" doc:"since when it counts as learnt"`
}

var progressViews = []*projections.View{projections.Progress.View}

func progressOf(r *projections.ProgressRow) Progress {
	return Progress{r.Point, r.Amount, r.Times, r.FirstAt, r.LastAt, r.CompletedAt}
}

// ProgressOf asks what a learner did, by knowledge point, in the order of their
// ids. It fails with ErrNotFound for anyone but the learner, and with ErrCursor.
func (a *Answerer) ProgressOf(v Viewer, learner events.ID, page Paging) (Question, error) {
	if !v.is(learner) {
		return Question{}, ErrNotFound
	}
	name := key("progress", learner.String())
	after, err := parseCursor(name, page.Cursor)
	if err != nil {
		return Question{}, err
	}
	if after == nil {
		after = &mark{} // before every point: ids are never zero
	}
	return Question{
		Key:   key(name, strconv.Itoa(page.Limit), page.Cursor, strconv.FormatBool(page.Total)),
		Views: projections.Names(progressViews), Deps: on(projections.ProgressOf(learner)),
		load: func(ctx context.Context) (Answer, error) {
			answer := Page[Progress]{Items: []Progress{}}
			checkpoints, err := a.reader.Read(ctx, progressViews, func(s *reading.Snapshot) error {
				studied(s, name, learner, after.id, page.Limit, &answer)
				if page.Total {
					answer.Total = s.Sum(projections.Progress.View,
						projections.Count(projections.OfUser(learner), projections.Learning, ""),
						projections.Count(projections.OfUser(learner), projections.Learnt, ""))
				}
				return s.Finish(ctx)
			})
			if err != nil {
				return Answer{}, err
			}
			return rendered(Answer{Checkpoints: checkpoints}, answer)
		},
	}, nil
}

// studied queues reading a page along the primary key.
func studied(s *reading.Snapshot, name string, learner, after events.ID, limit int, page *Page[Progress]) {
	s.Queue(`-- list progress
		select doc from `+s.Table(projections.Progress.View)+`
		where learner_id = $1 and point_id > $2 order by point_id limit $3`, learner, after, limit+1).
		Query(func(rows pgx.Rows) error {
			var doc []byte
			_, err := pgx.ForEachRow(rows, []any{&doc}, func() error {
				if len(page.Items) == limit {
					page.NextCursor = mark{id: page.Items[limit-1].Point, at: time.UnixMicro(0)}.cursor(name)
					return nil
				}
				r, err := projections.Progress.Decode(doc)
				if err == nil {
					page.Items = append(page.Items, progressOf(r))
				}
				return err
			})
			return err
		})
}
