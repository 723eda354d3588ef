package testkit

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Locked has nobody use tables of the database, named with their schema, until unlock or the test's
// end, however long that takes. None is waited for while others are held already: who reads several
// would wait for those, and Postgres ends no deadlock of which it does not know that one waits for
// the other.
func (d *DB) Locked(t testing.TB, tables ...string) (unlock func()) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.AdminURL)
	if err != nil {
		t.Fatal("testkit: ", err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	Eventually(t, func() error {
		_, err := conn.Exec(ctx, "begin; lock table "+strings.Join(tables, ", ")+" nowait")
		if err != nil {
			_, _ = conn.Exec(ctx, "rollback")
		}
		return err
	})
	return func() {
		if _, err := conn.Exec(ctx, "rollback"); err != nil {
			t.Error("testkit: ", err)
		}
	}
}
