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
// moment as a snapshot does, for less. The rows stand below where the build is, and not
// beside it: a join would have the server copy each of them.
func findRows[R any](ctx context.Context, a *Asker, view *projections.View, build projections.Build, ids []events.ID) (t taken[map[events.ID]*R], err error) {
	rows, err := a.pool.Query(ctx, `-- find `+view.Name+`
		(select version, build, shards, '00000000-0000-0000-0000-000000000000'::uuid, null::json from (`+servingBuilds+`) s)
		union all
		select 0, 0, null, id, doc from `+build.Table()+` where id = any($4)`, append(servingArguments([]*projections.View{view}), ids)...)
	if err != nil {
		return t, err
	}
	t.found = make(map[events.ID]*R, len(ids))
	at := projections.Checkpoint{Build: projections.Build{View: view.Name}}
	c := at
	var id events.ID
	var doc pgtype.DriverBytes // good until the next row
	_, err = pgx.ForEachRow(rows, []any{&c.Build.Version, &c.Build.Number, &c.Shards, &id, &doc}, func() (err error) {
		if doc == nil {
			at.Build.Version, at.Build.Number, at.Shards = c.Build.Version, c.Build.Number, c.Shards
			return nil
		}
		t.found[id], err = decode[R](view, doc)
		return err
	})
	if err == nil && at.Build != build {
		err = errOtherBuild
	}
	t.checkpoints = []projections.Checkpoint{at}
	return t, err
}
