package postgres_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

var update = flag.Bool("update", false, "write the golden file anew")

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

// verbs are statements that do nothing to a table where they are allowed.
var verbs = []struct{ name, statement string }{
	{"select", "select %[2]s from %[1]s limit 0"},
	{"insert", "insert into %[1]s (%[2]s) select %[2]s from %[1]s where false"},
	{"update", "update %[1]s set %[2]s = %[2]s where false"},
	{"delete", "delete from %[1]s where false"},
	{"truncate", "truncate %[1]s cascade"},
}

// TestWhatEachRoleMay has every role try every verb on every table and call every
// function: what succeeds is what stands in the golden file, and nothing else.
func TestWhatEachRoleMay(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	var got strings.Builder
	for _, role := range []string{postgres.RoleCommand, postgres.RoleRelay, postgres.RoleProjector, postgres.RoleQuery, postgres.RoleReaction, postgres.RoleMonitor} {
		conn, err := pgx.Connect(t.Context(), db.URL(role))
		require.NoError(t, err)
		for _, table := range tables(t, db) {
			if may := table.tried(t, conn); may != "" {
				fmt.Fprintf(&got, "%s  %s  %s\n", role, table.name, may)
			}
		}
		for _, function := range callable(t, conn) {
			fmt.Fprintf(&got, "%s  %s  execute\n", role, function)
		}
		require.NoError(t, conn.Close(t.Context()))
	}
	const golden = "testdata/privileges.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String(), "Is it the least that the role needs? Then -update.")
}

// table is a table with its columns: a grant may be for some of them.
type table struct {
	name    string
	columns []string
}

func tables(t *testing.T, db *testkit.DB) []table {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `
		select format('%I.%I', c.table_schema, c.table_name), array_agg(format('%I', c.column_name) order by c.ordinal_position)
		from information_schema.columns c where c.table_schema not in ('pg_catalog', 'information_schema')
			and c.identity_generation is distinct from 'ALWAYS' -- nobody may insert those
		group by 1 order by 1`)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (found table, err error) {
		return found, row.Scan(&found.name, &found.columns)
	})
	require.NoError(t, err)
	require.NotEmpty(t, list)
	return list
}

// tried lists the verbs that the connection's role succeeds with, naming the columns
// where it is not with all.
func (x table) tried(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	var may []string
	for _, verb := range verbs {
		var columns []string
		for _, column := range x.columns {
			if allowed(t, conn, fmt.Sprintf(verb.statement, x.name, column)) {
				columns = append(columns, column)
			}
		}
		switch len(columns) {
		case 0:
		case len(x.columns):
			may = append(may, verb.name)
		default:
			may = append(may, verb.name+"("+strings.Join(columns, ",")+")")
		}
	}
	return strings.Join(may, " ")
}

// allowed tries a statement and takes it back.
func allowed(t *testing.T, conn *pgx.Conn, statement string) bool {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), statement)
	require.NoError(t, tx.Rollback(t.Context()))
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && refusal.Code == "42501" {
		return false
	}
	require.NoError(t, err, statement)
	return true
}

// callable lists the functions that the connection's role may call.
func callable(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		select p.oid::regproc::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
		where n.nspname in ('sical', 'sical_read', 'public') and has_function_privilege(p.oid, 'execute')
			and has_schema_privilege(n.oid, 'usage') order by 1`)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return list
}
