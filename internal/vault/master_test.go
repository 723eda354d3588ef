package vault

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
)

// vaults opens a vault as each role that does, with one master key.
func vaults(t *testing.T, url, secret string, params map[string]string) (list []*Vault) {
	t.Helper()
	for _, role := range []string{postgres.RoleCommand, postgres.RoleQuery, postgres.RoleReaction} {
		pool, err := postgres.Open(t.Context(), url, postgres.Options{Role: role, Params: params})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		v, err := New(pool, []byte(secret))
		require.NoError(t, err)
		list = append(list, v)
	}
	return list
}

const otherSecret = "another master secret, which is as long"

func TestMasterKeyIsKnownAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.pool.Config().ConnString()
	own, others := vaults(t, url, secret, nil), vaults(t, url, otherSecret, nil)
	begun, err := Begun(t.Context(), own[1].pool)
	require.NoError(t, err)
	require.False(t, begun)
	for _, v := range own { // the second and third only compare
		require.NoError(t, v.Recognize(t.Context()))
		begun, err = Begun(t.Context(), v.pool)
		require.NoError(t, err)
		require.True(t, begun)
	}
	for _, v := range others {
		require.ErrorIs(t, v.Recognize(t.Context()), ErrOtherMaster)
	}
	require.NoError(t, w.Recognize(t.Context()))
	var kept []byte
	require.NoError(t, w.pool.QueryRow(t.Context(), `select fingerprint from sical.master_key`).Scan(&kept))
	require.Equal(t, w.fingerprint, kept)
}

// Of processes that start at once on a new database with two keys, those of one go on.
func TestOneMasterKeyWins(t *testing.T) {
	t.Parallel()
	url := newWorld(t).pool.Config().ConnString()
	all := append(vaults(t, url, secret, nil), vaults(t, url, otherSecret, nil)...)
	refused := make([]error, len(all))
	var group sync.WaitGroup
	for i, v := range all {
		group.Go(func() { refused[i] = v.Recognize(t.Context()) })
	}
	group.Wait()
	kept, err := all[0].known(t.Context())
	require.NoError(t, err)
	for i, v := range all {
		if bytes.Equal(v.fingerprint, kept) {
			require.NoError(t, refused[i])
		} else {
			require.ErrorIs(t, refused[i], ErrOtherMaster)
		}
	}
}

// A database from before keys were known by anything comes to know the one that opens
// what is in it, and no other.
func TestOlderDatabaseComesToKnowItsMasterKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(t)
	url := w.pool.Config().ConnString()
	for _, v := range vaults(t, url, otherSecret, nil) {
		require.ErrorIs(t, v.Recognize(t.Context()), ErrOtherMaster)
	}
	standby := vaults(t, url, secret, map[string]string{"default_transaction_read_only": "on"})[1]
	require.NoError(t, standby.Recognize(t.Context()), "which cannot write it")
	begun, err := Begun(t.Context(), w.pool)
	require.NoError(t, err)
	require.False(t, begun, "nobody has written it")
	for _, v := range vaults(t, url, secret, nil) {
		require.NoError(t, v.Recognize(t.Context()))
	}
	require.NoError(t, standby.Recognize(t.Context()))
}

// Keys of another master key do not spoil those beside them, and are told of.
func TestOtherMasterKeyOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	strange := w.person(t)
	own, err := New(w.pool, []byte(otherSecret))
	require.NoError(t, err)
	ours := world{own, w.pool}.person(t)
	sealed, err := own.Seal(t.Context(), ours, "ours")
	require.NoError(t, err)
	var told []events.ID
	own.OnUnopened(func(owner events.ID) { told = append(told, owner) })
	own.Clear()
	for range 2 {
		keys, err := own.Keys(t.Context(), strange, ours)
		require.NoError(t, err)
		require.Equal(t, []events.ID{strange}, told, "once: it is kept as others are")
		opened, err := keys.Open(ours, sealed)
		require.NoError(t, err)
		require.Equal(t, "ours", opened)
		_, err = keys.Open(strange, sealed)
		require.ErrorIs(t, err, ErrForgotten)
		_, err = own.Seal(t.Context(), strange, "text")
		require.ErrorIs(t, err, ErrForgotten)
	}
	_, err = New(w.pool, []byte("short"))
	require.Error(t, err)
}
