package query

import (
	"context"

	"sical-backend/events"
	"sical-backend/projections"
)

// one makes a Question of a single row, rendered from that row alone. show fails
// with ErrNotFound for what is not the viewer's to see; viewer names on whom
// that depends, empty for nobody.
func one[R any](a *Asker, view *projections.View, id events.ID, viewer string, show func(context.Context, *R) (body any, version int, err error)) Question {
	return Question{
		Key: key(view.Name, raw(id), viewer), Views: []string{view.Name}, Deps: func() []string { return []string{rowDep(view, id)} },
		gathered: true,
		load: func(ctx context.Context) (Answer, error) {
			found, checkpoints, err := rowsByID[R](ctx, a, view, []events.ID{id})
			if err != nil {
				return Answer{}, err
			}
			answer := Answer{Checkpoints: checkpoints}
			r := found[id]
			if r == nil {
				return answer, ErrNotFound
			}
			var body any
			if body, answer.Version, err = show(ctx, r); err != nil {
				return answer, err
			}
			return rendered(answer, body)
		},
	}
}

// rowsByID reads rows of one view, together with what others ask of it just then:
// what is found may be more than was asked for, and is shared.
func rowsByID[R any](ctx context.Context, a *Asker, view *projections.View, ids []events.ID) (map[events.ID]*R, []projections.Checkpoint, error) {
	find := func(ctx context.Context, builds map[string]projections.Build, ids []events.ID) (t taken[map[events.ID]*R], err error) {
		t.found = make(map[events.ID]*R, len(ids))
		t.checkpoints, err = a.moment(ctx, builds, ids, part{
			view, builds[view.Name].Table() + ` where id = any($4)`,
			func(id events.ID, doc []byte) (err error) {
				t.found[id], err = decode[R](view, doc)
				return err
			},
		})
		return t, err
	}
	rows, err := gatherMoment(ctx, a, view, []*projections.View{view}, ids, find)
	return rows.found, rows.checkpoints, err
}
