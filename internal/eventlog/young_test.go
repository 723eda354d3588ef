package eventlog

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// What was planned while the log was young finds what it wants when that has grown, without
// statistics: it does not go through all there is.
func TestAPlanOfAYoungLogIsGoodForAGrownOne(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	admin := asOwner(t, db)
	tables := []string{"events", "command", "claim"}
	for _, table := range tables {
		_, err := admin.Exec(t.Context(), `alter table sical.`+table+` set (autovacuum_enabled = off)`)
		require.NoError(t, err)
	}
	p := open(t, db.URL(postgres.RoleCommand))
	work := func(round int) {
		for i := range 5 {
			user, point := register(fmt.Sprint("ana ", round, i)), point("图论")
			user.Command, user.Request, point.Command, point.Request = newID(), []byte{1}, newID(), []byte{1}
			require.NoError(t, p.Append(t.Context(), user, point))
			require.NoError(t, user.Result.Err)
			known, err := p.Known(t.Context(), []events.ID{user.Command, point.Command, newID()})
			require.NoError(t, err)
			require.Len(t, known, 2)
			require.Len(t, loaded(t, p, user.Stream, point.Stream), 2)
		}
	}
	work(0)

	const others = 10_000
	_, err := admin.Exec(t.Context(), `
		with more as (select n, gen_random_uuid() id from generate_series(1, $1::int) n), claimed as (
			insert into sical.claim select decode(md5(id::text), 'hex'), 'username', 'user-' || id from more), done as (
			insert into sical.command select m.id, request, subject, c.version, c.position, expires_at
			from more m, (select * from sical.command limit 1) c)
		insert into sical.events
		select e.position + n, m.id, 'point-' || m.id, 1, type, schema, data, metadata, owner, final, occurred_at, recorded_at
		from more m, (select * from sical.events order by position desc limit 1) e`, others)
	require.NoError(t, err)
	before := map[string]int{}
	for _, table := range tables {
		before[table] = rowsRead(t, admin, p, table)
	}
	work(1)
	for _, table := range tables {
		require.Less(t, rowsRead(t, admin, p, table)-before[table], others/10, table)
	}
}
