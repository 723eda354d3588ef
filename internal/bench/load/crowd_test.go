package load

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/loadtest"
)

// What takes longer than a token lives is loaded with tokens that are valid all the same.
func TestTokensOutliveEachPart(t *testing.T) {
	t.Parallel()
	keys, err := auth.OpenKeyring(t.TempDir())
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		signer, err := auth.NewSigner(keys, "sical", "sical-api", time.Now)
		require.NoError(t, err)
		verifier := auth.NewVerifier(keys, "sical", "sical-api", &auth.Revocations{}, time.Now)
		c := &Crowd{signer: signer, people: make([]Person, 2)}
		for i := range c.people {
			c.people[i].claims = auth.Claims{User: uuid.New(), Session: uuid.New(), Role: string(events.Learner)}
		}
		longest := loadtest.MaxDuration + settled
		for range 2 * auth.MaxLifetime / longest {
			require.NoError(t, c.renew())
			token := c.people[1].Token
			require.NoError(t, c.renew())
			require.Equal(t, token, c.people[1].Token, "one that lasts is kept")
			time.Sleep(longest)
			for _, p := range c.people {
				_, err := verifier.Verify(p.Token)
				require.NoError(t, err)
			}
		}
	})
}
