package query

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"sical-backend/events"
	"sical-backend/projections"
)

// part is what a moment has of one view.
type part struct {
	view *projections.View
	from string // what stands behind "select id, doc from"; $4 are the keys
	// take is given each row, whose doc is good until the next one.
	take func(id events.ID, doc []byte) error
}

// moment reads rows of some builds and how far these are by one statement, which sees one
// moment as a snapshot does, for less. The rows stand below where the builds are, and not
// beside it: a join would have the server copy each of them. It fails with errOtherBuild.
func (a *Answerer) moment(ctx context.Context, builds map[string]projections.Build, keys []events.ID, parts ...part) ([]projections.Checkpoint, error) {
	views := make([]*projections.View, len(parts))
	var sql strings.Builder
	names := make([]string, len(parts))
	for i, p := range parts {
		views[i], names[i] = p.view, p.view.Name
	}
	sql.WriteString(`-- find ` + strings.Join(names, "_") + `
		(select n, version, build, shards, '00000000-0000-0000-0000-000000000000'::uuid as id, null::json as doc from (` + servingBuilds + `) s)`)
	for i, p := range parts {
		sql.WriteString(`
		union all
		select ` + strconv.Itoa(i+1) + `, 0, 0, null, id, doc from ` + p.from)
	}
	rows, err := a.pool.Query(ctx, sql.String(), append(servingArguments(views), keys)...)
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
			return parts[n-1].take(id, doc)
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
