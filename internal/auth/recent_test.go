package auth

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRecentKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	r := newRecent[int, int](100)
	r.put(-1, 7)
	for i := range 10_000 {
		r.put(i, i)
		if i%20 == 0 {
			value, ok := r.get(-1)
			require.True(t, ok, i)
			require.Equal(t, 7, value)
		}
		require.LessOrEqual(t, len(r.young)+len(r.old), 100)
	}
	_, ok := r.get(9_000)
	require.False(t, ok, "unused ones go")
	r.put(-1, 8)
	value, _ := r.get(-1)
	require.Equal(t, 8, value)
	r.delete(-1)
	_, ok = r.get(-1)
	require.False(t, ok, "from both halves")
}

// Requests verify while revocations come in: the race detector watches, and a
// token is refused from the moment that its revocation is in.
func TestVerifyingWhileRevoking(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	r := &Revocations{sessions: map[uuid.UUID]time.Time{}, users: map[uuid.UUID]userEnd{}}
	d.verifier.revocations = r
	var requests sync.WaitGroup
	for range 4 {
		requests.Go(func() {
			for range 50 {
				c, token := d.token(t)
				_, err := d.verifier.Verify(token)
				assert.NoError(t, err)
				r.add(revocation{Kind: "session", Subject: c.Session, CreatedAt: someTime})
				_, err = d.verifier.Verify(token)
				assert.ErrorIs(t, err, ErrRevoked)
				r.forget(someTime)
			}
		})
	}
	requests.Wait()
}
