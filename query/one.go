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
			r := found[id]
			if r == nil {
				return Answer{}, ErrNotFound
			}
			body, version, err := show(ctx, r)
			if err != nil {
				return Answer{}, err
			}
			return rendered(Answer{Version: version, Checkpoints: checkpoints}, body)
		},
	}
}

// rowsByID reads rows of one view, together with what others ask of it just then:
// what is found may be more than was asked for, and is shared.
func rowsByID[R any](ctx context.Context, a *Asker, view *projections.View, ids []events.ID) (map[events.ID]*R, []projections.Checkpoint, error) {
	rows, err := gather(ctx, a, view, []*projections.View{view}, ids, func(ctx context.Context, s *snapshot, ids []events.ID) (map[events.ID]*R, error) {
		found := find[R](s, view, ids...)
		return found, s.finish(ctx)
	})
	return rows.found, rows.checkpoints, err
}
