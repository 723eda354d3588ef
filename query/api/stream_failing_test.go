package api

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/admission"
	"sical-backend/internal/cache"
	"sical-backend/internal/reading"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
	"sical-backend/query"
)

// Streams that cannot be loaded look quiet to their clients. Each load is counted, and the log
// says when the first begins to fail and when none does any more, be it loaded or gone.
func TestStreamsThatCannotBeLoadedAreTold(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Pace{Heartbeat: time.Hour, Check: 10 * time.Millisecond, Sending: time.Minute, Again: 10 * time.Millisecond})
	about := "view=point&key=" + s.strokes.String()
	_, one := s.follow(about)
	conn, other := s.follow(about)
	s.until(one, "data: ")
	s.until(other, "data: ")
	refuse := func(verb, preposition string) {
		t.Helper()
		_, err := s.admin.Exec(t.Context(), verb+` select on `+projections.Point.Build(1).Table()+` `+preposition+` sical_query`)
		require.NoError(t, err)
	}
	logged := func(begun, ended int) {
		t.Helper()
		s.eventually(func() error {
			if b, e := s.logged.Count("level=WARN"), s.logged.Count("level=INFO"); b != begun || e != ended {
				return fmt.Errorf("told %d times that they fail, and %d times that none does", b, e)
			}
			return nil
		})
	}
	refuse("revoke", "from")
	s.titled("missed", 1)
	s.eventually(func() error {
		if n := s.failed.Load(); n < 10 {
			return fmt.Errorf("%d loads have failed", n)
		}
		return nil
	})
	logged(1, 0)
	require.Equal(t, 1, s.logged.Count("point "+s.strokes.String()+": "))
	refuse("grant", "to")
	require.Contains(t, s.until(one, "data: "), "missed")
	require.Contains(t, s.until(other, "data: "), "missed")
	logged(1, 1)

	require.NoError(t, conn.Close())
	s.eventually(func() error {
		if n := s.hub.Len(); n != 1 {
			return fmt.Errorf("%d streams are open", n)
		}
		return nil
	})
	refuse("revoke", "from")
	s.titled("missed again", 1)
	logged(2, 1)
	s.ended.Store(true)
	s.until(one, "event: end")
	logged(2, 2)
}

// What passes by itself, and is told of elsewhere, is no failure of a stream, nor does it end one.
func TestWhatPassesIsNoFailureOfAStream(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	failed := 0
	s := &subscription{topic: &topics[0], asked: &asked{}, cfg: StreamConfig{Failed: func() { failed++ }, failing: newFailing(log.Logger())}}
	passing := func() {
		for _, err := range []error{
			cache.ErrBehind, query.ErrBehind, reading.ErrOtherBuild, reading.ErrUnready, &admission.OverloadError{},
			context.DeadlineExceeded, context.Canceled, &pgconn.PgError{Code: "57P03"},
		} {
			s.tried(fmt.Errorf("load: %w", err))
		}
	}
	passing()
	require.Zero(t, failed)
	s.tried(&pgconn.PgError{Code: "42501"})
	passing()
	require.Equal(t, 1, failed)
	require.Equal(t, []int{1, 0}, []int{log.Count("level=WARN"), log.Count("level=INFO")})
	s.tried(nil)
	require.Equal(t, []int{1, 1}, []int{log.Count("level=WARN"), log.Count("level=INFO")})
}
