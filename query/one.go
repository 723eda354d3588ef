package query

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

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
	rows, err := gather(ctx, a, view, ids, func(ctx context.Context, ids []events.ID) (t taken[map[events.ID]*R], err error) {
		err = a.assuming(ctx, []*projections.View{view}, func(builds map[string]projections.Build) (again bool, err error) {
			t, err = findRows[R](ctx, a, view, builds[view.Name], ids)
			return outdated(err), err
		})
		return t, err
	})
	return rows.found, rows.checkpoints, err
}

// findRows reads rows of a build and how far it is by one statement, which sees one
// moment as a snapshot does, for less.
func findRows[R any](ctx context.Context, a *Asker, view *projections.View, build projections.Build, ids []events.ID) (t taken[map[events.ID]*R], err error) {
	rows, err := a.pool.Query(ctx, `-- find `+view.Name+`
		with s as materialized (`+servingBuilds+`)
		select s.version, s.build, s.shards, coalesce(r.id, '00000000-0000-0000-0000-000000000000'), r.doc
		from s left join `+build.Table()+` r on r.id = any($4)`, append(servingArguments([]*projections.View{view}), ids)...)
	if err != nil {
		return t, err
	}
	t.found = make(map[events.ID]*R, len(ids))
	at := projections.Checkpoint{Build: projections.Build{View: view.Name}}
	var id events.ID
	var doc pgtype.DriverBytes // good until the next row
	_, err = pgx.ForEachRow(rows, []any{&at.Build.Version, &at.Build.Number, &at.Shards, &id, &doc}, func() (err error) {
		switch {
		case at.Build != build:
			return errOtherBuild
		case doc != nil:
			t.found[id], err = decode[R](view, doc)
		}
		return err
	})
	t.checkpoints = []projections.Checkpoint{at}
	return t, err
}
