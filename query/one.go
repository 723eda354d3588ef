package query

import (
	"context"

	"sical-backend/events"
	"sical-backend/projections"
)

// one makes a Question of a single row, rendered from that row alone. show fails
// with ErrNotFound for what is not the viewer's to see; viewer names on whom
// that depends, empty for nobody.
func one[R any](r *rows[R], id events.ID, viewer string, show func(context.Context, *R) (body any, version int, err error)) Question {
	return Question{
		Key: key(r.view.Name, raw(id), viewer), Views: []string{r.view.Name}, Deps: func() []string { return []string{r.view.RowName(projections.KeyOf(id))} },
		gathered: true,
		load: func(ctx context.Context) (Answer, error) {
			t, err := r.ask(ctx, []events.ID{id})
			if err != nil {
				return Answer{}, err
			}
			answer := Answer{Checkpoints: t.checkpoints}
			row := t.found[id]
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

// rows reads rows of a view by their ids, together with what others ask of it just then:
// what is found may be more than was asked for, and is shared.
type rows[R any] struct {
	view *projections.View
	*batcher[events.ID, readResult[map[events.ID]*R]]
}

func newRows[R any](a *Answerer, v projections.ViewOf[R]) *rows[R] {
	find := func(ctx context.Context, builds map[string]projections.Build, ids []events.ID) (t readResult[map[events.ID]*R], err error) {
		t.found = make(map[events.ID]*R, len(ids))
		t.checkpoints, err = a.moment(ctx, builds, ids, part{
			v.View, builds[v.Name].Table() + ` where id = any($4)`,
			func(id events.ID, doc []byte) (err error) {
				t.found[id], err = v.Decode(doc)
				return err
			},
		})
		return t, err
	}
	return &rows[R]{v.View, batchInMoment(a, []*projections.View{v.View}, find)}
}
