package vault

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const secret = "a master secret for tests, 32 bytes and more"

// world is a vault and the table of its keys.
type world struct {
	*Vault
	pool *pgxpool.Pool
}

func newWorld(t *testing.T) world {
	t.Helper()
	db := testkit.Database(t, func(url string) error {
		_, err := postgres.Migrate(context.Background(), url)
		return err
	})
	pool, err := postgres.Open(t.Context(), db.AdminURL, postgres.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	v, err := New(pool, []byte(secret))
	require.NoError(t, err)
	return world{v, pool}
}

// person stores the key of somebody new.
func (w world) person(t *testing.T) events.ID {
	t.Helper()
	id := uuid.New()
	_, wrapped, err := w.NewKey(id)
	require.NoError(t, err)
	_, err = w.pool.Exec(t.Context(), `insert into sical.subject_key (subject, wrapped) values ($1, $2)`, id, wrapped)
	require.NoError(t, err)
	return id
}

// open fetches the owner's key, if it is not in memory, and opens: with the key alone, and with
// it among others. Both must do the same.
func (w world) open(t *testing.T, owner events.ID, sealed events.Personal) (string, error) {
	t.Helper()
	text, refused := w.opener(t, owner).Open(owner, sealed)
	among, err := w.opener(t, owner, uuid.New()).Open(owner, sealed)
	require.Equal(t, text, among)
	require.Equal(t, refused, err)
	return text, refused
}

func (w world) opener(t *testing.T, owners ...events.ID) Opener {
	t.Helper()
	opener, err := w.Opener(t.Context(), owners...)
	require.NoError(t, err)
	return opener
}

func TestWhatIsSealedOpens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner, other := w.person(t), w.person(t)
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringN(1, -1, 200).Draw(r, "text")
		sealed, err := w.Seal(t.Context(), owner, events.Personal(text))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(sealed), mark))
		opened, err := w.open(t, owner, sealed)
		require.NoError(t, err)
		require.Equal(t, text, opened)
		_, err = w.open(t, other, sealed)
		require.ErrorIs(t, err, ErrForgotten, "nobody else's key opens it")
		twice, err := w.Seal(t.Context(), owner, events.Personal(text))
		require.NoError(t, err)
		require.NotEqual(t, sealed, twice, "equal texts look different")
	})
	plain, err := w.Seal(t.Context(), events.ID{}, "nobody's")
	require.NoError(t, err)
	require.EqualValues(t, "nobody's", plain)
	for _, owner := range []events.ID{{}, owner, other} {
		opened, err := w.opener(t, owner).Open(events.ID{}, plain)
		require.NoError(t, err)
		require.Equal(t, "nobody's", opened)
	}
	sealed, err := w.Seal(t.Context(), owner, "mine")
	require.NoError(t, err)
	_, err = w.opener(t, other).Open(owner, sealed)
	require.ErrorIs(t, err, ErrForgotten, "its key is not among them")
}

func TestForgottenIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.person(t)
	sealed, err := w.Seal(t.Context(), owner, "canary")
	require.NoError(t, err)
	has := func() []bool {
		return []bool{w.opener(t, owner).Has(owner), w.opener(t, owner, uuid.New()).Has(owner), w.opener(t, uuid.New()).Has(owner)}
	}
	require.Equal(t, []bool{true, true, false}, has())
	_, err = w.pool.Exec(t.Context(), `delete from sical.subject_key where subject = $1`, owner)
	require.NoError(t, err)
	w.Forget(owner)
	_, err = w.open(t, owner, sealed)
	require.ErrorIs(t, err, ErrForgotten)
	require.Equal(t, []bool{false, false, false}, has())
	_, err = w.Seal(t.Context(), owner, "again")
	require.ErrorIs(t, err, ErrForgotten)
	_, err = w.open(t, w.person(t), "text that nobody sealed")
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrForgotten)
}

// Whose key cannot be fetched is not forgotten.
func TestAKeyThatCannotBeFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.person(t)
	w.pool.Close()
	for _, owners := range [][]events.ID{{owner}, {owner, uuid.New()}} {
		_, err := w.Opener(t.Context(), owners...)
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrForgotten)
	}
}

func TestKeysFetchedMeanwhileAreNotPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone, stays := w.person(t), w.person(t)
	key, _, err := w.NewKey(gone)
	require.NoError(t, err)
	for _, forget := range []func(){func() { w.Forget(gone) }, w.Clear} {
		f, keys := w.begin(), Keys{gone: key.aead}
		forget()
		require.False(t, w.end(f, keys) && keys[gone] != nil)
		require.Nil(t, w.kept[gone])
	}
	_, err = w.Keys(t.Context(), stays, events.ID{})
	require.NoError(t, err)
	require.NotNil(t, w.kept[stays])
	require.Empty(t, w.fetches)
}

// However often everything is forgotten, nobody is who has a key.
func TestWhoLivesIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.person(t)
	sealed, err := w.Seal(t.Context(), owner, "lives")
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 200 {
				owners := []events.ID{owner, {}}[:1+i%2]
				opener, err := w.Opener(t.Context(), owners...)
				if !assert.NoError(t, err) {
					return
				}
				opened, err := opener.Open(owner, sealed)
				assert.NoError(t, err)
				assert.Equal(t, "lives", opened)
				w.Clear()
			}
		})
	}
	all.Wait()
	require.Empty(t, w.fetches)
}
