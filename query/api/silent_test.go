package api

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/cache"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// silent is a source whose database may say nothing any more: what is asked of it ends with who asks.
type silent struct {
	*replica
	is atomic.Bool
}

func (s *silent) Do(ctx context.Context, q cache.Question) (cache.Answer, error) {
	if s.is.Load() {
		<-ctx.Done()
		return cache.Answer{}, ctx.Err()
	}
	return s.replica.Do(ctx, q)
}

// However long the database is silent, a stream that was woken goes on: it is kept alive, ends with
// its session and with the process, and tells what has changed once that can be read.
func TestStreamsGoOnWhileTheDatabaseIsSilent(t *testing.T) {
	t.Parallel()
	const soon = web.AnswerWithin + 3*time.Second // after what was asked has been given up
	for name, ends := range map[string]func(*client){
		"with the session": func(c *client) {
			c.ended.Store(true)
			time.Sleep(soon)
			require.Equal(t, []string{`{"code":"session_ended"}`}, c.told())
		},
		"with the process": func(c *client) {
			c.hub.Close()
			time.Sleep(soon)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			from := &silent{replica: &replica{applied: 1, shown: 1}}
			c := newClient(t, "statistics", from, quick)
			require.Equal(t, []string{"1"}, c.told())
			hush := func(to uint64) {
				from.is.Store(true)
				c.changed(from.replica, to, to)
				time.Sleep(time.Minute)
				require.Empty(t, c.told(), name)
			}
			hush(2)
			require.GreaterOrEqual(t, c.beats.Load(), int64(2))
			from.is.Store(false)
			time.Sleep(soon)
			require.Equal(t, []string{"2"}, c.told())
			hush(3)
			ends(c)
			_, goesOn := <-c.heard
			require.False(t, goesOn, name)
		})
	}
}

// A process that warms up does not wait for longer than an answer may take, though it outstays who
// asks for it.
func TestWarmUpEndsWhileTheDatabaseIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &silent{replica: &replica{}}
		from.is.Store(true)
		api := New(new(query.Answerer), from, from)
		hurried, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		began := time.Now()
		require.ErrorIs(t, api.Warm(hurried), context.DeadlineExceeded)
		require.Equal(t, web.AnswerWithin, time.Since(began))
	})
}
