package postgres_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// A server that is gone without a word is found out within half a minute, whether anything
// is under way or not, also where the URL says how long connecting may take.
func TestConnectionsBreakWhenTheirServerIsGone(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	url := db.Through(testkit.Proxy(t, db.Socket()), postgres.RoleQuery)
	for _, url := range []string{url, url + "&connect_timeout=3"} {
		pool, err := postgres.Open(t.Context(), url, postgres.Options{})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		conn, err := pool.Acquire(t.Context())
		require.NoError(t, err)
		defer conn.Release()
		raw, err := conn.Conn().PgConn().Conn().(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		for name, o := range map[string]struct{ level, option, want int }{
			"asked at all":     {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			"asked after":      {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15},
			"asked every":      {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 5},
			"questions":        {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
			"not acknowledged": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 30_000},
		} {
			var got int
			var failure error
			require.NoError(t, raw.Control(func(fd uintptr) {
				got, failure = unix.GetsockoptInt(int(fd), o.level, o.option)
			}))
			require.NoError(t, failure, name)
			require.Equal(t, o.want, got, name)
		}
	}
}
