package reading

import (
	"context"
	"strconv"
	"strings"

	"sical-backend/events"
	"sical-backend/projections"
)

// Part is what one statement reads of a view.
type Part struct {
	view *projections.View
	from func(table string) string
	take taker
}

// PartOf reads rows of a view, of which take is given each. from makes what stands behind
// "select id, doc from", of the table that the rows are in; $2 are the keys.
func PartOf[R any](v projections.ViewOf[R], from func(table string) string, take func(id events.ID, row *R)) Part {
	return Part{v.View, from, decoding(v, take)}
}

// moment reads rows of some builds, and how far these are, by one statement: it sees one
// moment as a snapshot does, and costs less. The builds and the rows are joined by "union
// all", as other joins have the server copy each row. It fails with ErrOtherBuild.
func (r *Reader) moment(ctx context.Context, builds map[string]projections.Build, keys []events.ID, parts []Part) ([]projections.Checkpoint, error) {
	views := make([]*projections.View, len(parts))
	for i, p := range parts {
		views[i] = p.view
	}
	var sql strings.Builder
	sql.Grow(2 * len(servingBuilds)) // more than it takes
	sql.WriteString(`-- find ` + strings.Join(projections.Names(views), "_") + `
		select n, stand, '00000000-0000-0000-0000-000000000000'::uuid as id, null::json as doc from (` + servingBuilds + `) s`)
	for i, p := range parts {
		sql.WriteString(`
		union all
		select '` + strconv.Itoa(i+1) + `', null, id, doc from ` + p.from(builds[p.view.Name].Table()))
	}
	rows, err := r.pool.Query(ctx, sql.String(), projections.Names(views), keys)
	if err != nil {
		return nil, err
	}
	now := newServed(views)
	err = each(rows, func(raw [][]byte) error {
		if id, doc := raw[2], raw[3]; doc != nil {
			n, err := strconv.Atoi(string(raw[0]))
			if err != nil {
				return err
			}
			return parts[n-1].take(id, doc)
		}
		return now.scan(rows, nil, nil)
	})
	if err != nil {
		return nil, err
	}
	return now.checkpoints, now.mustBe(builds)
}
