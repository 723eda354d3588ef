package query

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/internal/reading/readtest"
	"sical-backend/projections"
)

// A page is read along an index even of a table of which the server has no figures yet,
// as it was filled a moment ago; one of what has some words is not.
func TestPagesOfAFreshTableAreWalkedInOrder(t *testing.T) {
	t.Parallel()
	projector, reader := readtest.Tables(t)
	a, ctx := NewAnswerer(reader, nil), t.Context()
	table := projections.Goal.Build(1).Table()
	_, err := projector.Exec(ctx, `alter table `+table+` set (autovacuum_enabled = false)`)
	require.NoError(t, err)
	_, err = projector.Exec(ctx, `insert into `+table+` (id, owner_id, status, category, visibility, created_at, doc)
		select gen_random_uuid(), gen_random_uuid(), 'draft', '', 'public', now() - i * interval '1 second', '{}' from generate_series(1, 20000) i`)
	require.NoError(t, err)

	statuses := oneOf("status", events.GoalStatus(""))
	newest := &list{only: "visibility = 'public'", where: []match{statuses}, page: Paging{Limit: 20}}
	found := &list{search: Search{"graph"}, page: Paging{Limit: 20}}
	plans := map[*list]*strings.Builder{newest: {}, found: {}}
	views := map[*list]*projections.View{newest: projections.Goal.View, found: projections.Point.View}
	_, err = a.reader.Read(ctx, projections.Views(), func(s *reading.Snapshot) error {
		for _, l := range []*list{found, newest, found, newest} {
			s.Plan(l.search == nil)
			sql, args := l.sql(views[l].Name, s.Table(views[l]))
			s.Queue("explain (analyze) "+sql, args...).Query(func(rows pgx.Rows) error {
				var line string
				_, err := pgx.ForEachRow(rows, []any{&line}, func() error {
					plans[l].WriteString(line + "\n")
					return nil
				})
				return err
			})
		}
		return s.Finish(ctx)
	})
	require.NoError(t, err)
	walked, collected := plans[newest].String(), plans[found].String()
	require.Equal(t, 2, strings.Count(walked, "Index Scan using"), walked)
	require.NotContains(t, walked, "Bitmap", walked)
	require.Equal(t, 2, strings.Count(collected, "Bitmap Heap Scan"), collected)
}

// TestListsArePlannedAnew: each for its own arguments, and nothing else after it.
func TestListsArePlannedAnew(t *testing.T) {
	t.Parallel()
	_, reader := readtest.Tables(t)
	a, ctx := NewAnswerer(reader, nil), t.Context()
	show := func(s *reading.Snapshot, mode *string) {
		s.Queue(`show plan_cache_mode`).QueryRow(func(row pgx.Row) error { return row.Scan(mode) })
	}
	var before, during, after string
	for range 2 * reader.Config().MaxConns {
		_, err := a.reader.Read(ctx, projections.Views(), func(s *reading.Snapshot) error {
			show(s, &before)
			enlist(s, projections.Point, &list{page: Paging{Limit: 1}})
			show(s, &during)
			return s.Finish(ctx)
		})
		require.NoError(t, err)
		require.NoError(t, reader.QueryRow(ctx, `show plan_cache_mode`).Scan(&after))
		require.Equal(t, []string{"auto", "force_custom_plan", "auto"}, []string{before, during, after})
	}
}
