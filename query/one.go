package query

import (
	"context"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// one makes a Question of a single row, rendered from that row alone. show fails
// with ErrNotFound for what is not the viewer's to see; viewer says who that is, empty where it
// is the same for all.
func one[R any](r *reading.RowBatcher[R], id events.ID, viewer string, show func(context.Context, *R) (body any, version int, err error)) Question {
	return Question{
		Key: key(r.View.Name, raw(id), viewer), Views: []string{r.View.Name}, Deps: func() []string { return []string{r.View.RowName(projections.KeyOf(id))} },
		gather: func(ctx context.Context, due reading.Due) (Answer, error) {
			t, err := r.Ask(ctx, []events.ID{id}, due)
			if err != nil {
				return Answer{}, err
			}
			answer := Answer{Checkpoints: t.Checkpoints}
			row := t.Found[id]
			if row == nil {
				return answer, ErrNotFound
			}
			var body any
			if body, answer.Version, err = show(ctx, row); err != nil {
				return answer, err
			}
			return rendered(answer, body)
		},
	}
}
