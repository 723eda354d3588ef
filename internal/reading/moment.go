package reading

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"sical-backend/events"
	"sical-backend/projections"
)

// Part is what one statement reads of a view.
type Part struct {
	view *projections.View
	from func(table string) string
	// take makes what is given each row, whose doc is good until the next one.
	take func(*rowCaches) func(id events.ID, doc []byte) error
}

// PartOf reads rows of a view, of which take is given each. from makes what stands behind
// "select id, doc from", of the table that the rows are in; $4 are the keys.
func PartOf[R any](v projections.ViewOf[R], from func(table string) string, take func(id events.ID, row *R)) Part {
	return Part{v.View, from, func(caches *rowCaches) func(events.ID, []byte) error {
		cache := rowCacheOf[R](caches)
		return func(id events.ID, doc []byte) error {
			row, err := cache.decode(id, doc, v.Decode)
			if err == nil {
				take(id, row)
			}
			return err
		}
	}}
}

// moment reads rows of some builds, and how far these are, by one statement: it sees one
// moment as a snapshot does, and costs less. The builds and the rows are joined by "union
// all", as other joins have the server copy each row. It fails with errOtherBuild.
func (r *Reader) moment(ctx context.Context, builds map[string]projections.Build, keys []events.ID, parts []Part) ([]projections.Checkpoint, error) {
	caches := r.rows.Load() // before anything is read: what is erased meanwhile is not kept
	views := make([]*projections.View, len(parts))
	take := make([]func(events.ID, []byte) error, len(parts))
	for i, p := range parts {
		views[i], take[i] = p.view, p.take(caches)
	}
	var sql strings.Builder
	sql.Grow(2 * len(servingBuilds)) // more than it takes
	sql.WriteString(`-- find ` + strings.Join(projections.Names(views), "_") + `
		(select n, version, build, shards, '00000000-0000-0000-0000-000000000000'::uuid as id, null::json as doc from (` + servingBuilds + `) s)`)
	for i, p := range parts {
		sql.WriteString(`
		union all
		select ` + strconv.Itoa(i+1) + `, 0, 0, null, id, doc from ` + p.from(builds[p.view.Name].Table()))
	}
	rows, err := r.pool.Query(ctx, sql.String(), append(servingArguments(views), keys)...)
	if err != nil {
		return nil, err
	}
	checkpoints := make([]projections.Checkpoint, len(parts))
	var n int
	var c projections.Checkpoint
	var id events.ID
	var doc pgtype.DriverBytes
	_, err = pgx.ForEachRow(rows, []any{&n, &c.Build.Version, &c.Build.Number, &c.Shards, &id, &doc}, func() error {
		if doc != nil {
			return take[n-1](id, doc)
		}
		checkpoints[n-1] = c
		checkpoints[n-1].Build.View = views[n-1].Name
		return nil
	})
	for _, c := range checkpoints {
		if err == nil && c.Build != builds[c.Build.View] {
			err = errOtherBuild
		}
	}
	return checkpoints, err
}
