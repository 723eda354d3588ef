package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// What both systems hold before commands are measured on what has been in use:
// so many users, with as many goals each.
const (
	presentUsers = 2500
	presentGoals = 50_000
)

// present names the n-th thing of a kind, alike in every system.
func present(kind string, n int) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s %d", kind, n)).String()
}

// presence is a file of the commands that make users and their goals, others in each
// round.
func presence(b *testing.B, round, users, goals int, visibility string) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), "present.ndjson")
	f, err := os.Create(name)
	require.NoError(b, err)
	w := bufio.NewWriter(f)
	for i := range users {
		fmt.Fprintf(w, `{"id":%q,"type":"user.register","data":{"id":%q,"username":"present-%d-%d","display_name":"Present 学"}}`+"\n",
			present("registration", i+round*users), present("user", i+round*users), round, i)
	}
	for i := range goals {
		fmt.Fprintf(w, `{"id":%q,"type":"goal.create","as":%q,"data":{"id":%q,"title":"Learn something useful, part %d","description":"A few pages a day, with exercises; 每天几页，配合练习。","category":"programming","visibility":%q}}`+"\n",
			present("creation", i+round*goals), present("user", i%users+round*users), present("goal", i+round*goals), i, visibility)
	}
	require.NoError(b, w.Flush())
	require.NoError(b, f.Close())
	return name
}

// take imports a file of commands, through the rules and the log, and waits for the
// views that are not paused.
func (l *launched) take(b *testing.B, file string) {
	b.Helper()
	out, err := l.command(b, "import", "ndjson", file).CombinedOutput()
	require.NoError(b, err, string(out))
	require.Contains(b, string(out), " 0 refused", string(out))
}

// takeRows gives the peer as many goals of as many users, created a second apart, and
// tells its planner.
func takeRows(b *testing.B, url string, users, goals int) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	require.NoError(b, err)
	defer conn.Close(b.Context())
	_, err = conn.Exec(b.Context(), `
		insert into goals (id, user_id, title, description, category, status, created_at, updated_at)
		select gen_random_uuid(), md5('user ' || i % $2)::uuid, 'Learn something useful, part ' || i,
			'A few pages a day, with exercises; 每天几页，配合练习。', 'programming', 'active', now() - i * interval '1 second', now()
		from generate_series(1, $1::int) i`, goals, users)
	require.NoError(b, err)
	_, err = conn.Exec(b.Context(), `vacuum analyze goals`)
	require.NoError(b, err)
}
