package auth

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"sical-backend/internal/testkit"
)

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]error{
		"":                              ErrPasswordShort,
		"7 chars":                       ErrPasswordShort,
		"八个字才够长了":                       ErrPasswordShort,
		"学而时习之不亦说乎":                     nil,
		"ein Satz, der lang ist":        nil,
		"e\u0301e\u0301e\u0301e\u0301":  ErrPasswordShort, // eight code points, four after NFC
		strings.Repeat("長x", 128):       nil,
		strings.Repeat("x1", 128) + "y": ErrPasswordLong,
		"password123":                   ErrPasswordCommon,
		"PassWord123":                   ErrPasswordCommon,
		"password":                      ErrPasswordCommon, // the first of the most frequent
		"12071984":                      ErrPasswordCommon, // far down among them
		"assword123":                    nil,               // only a part of one
		"woaini1314":                    ErrPasswordCommon,
		"ＰＡＳＳＷＯＲＤ１２３":                   ErrPasswordCommon,
		"  password123\u3000":           ErrPasswordCommon,
		"        ":                      ErrPasswordCommon,
		"\u3000 \u00a0     ":            ErrPasswordCommon,
		"~~~~~~~~~":                     ErrPasswordCommon,
		"aAaAaAaA":                      ErrPasswordCommon,
		"八八八八八八八八":                      ErrPasswordCommon,
		"~~~~~~~~x":                     nil,
		"not UTF-8 \xff":                ErrPasswordText,
	} {
		require.ErrorIs(t, CheckPassword(password), want, "%q", password)
	}
}

func TestTheCommonPasswordsCanMatch(t *testing.T) {
	t.Parallel()
	require.Len(t, strings.Fields(frequentPasswords), 3000)
	list := strings.Fields(frequentPasswords + likelyPasswords)
	for _, password := range list {
		require.ErrorIs(t, CheckPassword(password), ErrPasswordCommon, password)
	}
}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	h := NewHasher(Advised, 2, 10)
	const password = "Zoë lernt für später"
	hash, err := h.Hash(t.Context(), password)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$"), hash)
	long := strings.Repeat("x1", 127) + "yz"
	longHash, err := h.Hash(t.Context(), long)
	require.NoError(t, err)
	for _, c := range []struct {
		name, password, hash string
		want                 bool
	}{
		{"the same", password, hash, true},
		{"composed otherwise", norm.NFD.String(password), hash, true},
		{"another case", strings.ToLower(password), hash, false},
		{"a prefix", password[:10], hash, false},
		{"256 characters", long, longHash, true},
		{"the last of 256 differs", long[:255] + "!", longHash, false},
		{"no such user", password, "", false},
		{"no such user, no password", "", "", false},
	} {
		got, err := h.Verify(t.Context(), c.password, c.hash)
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, got, c.name)
	}
	_, err = h.Verify(t.Context(), password, "$2a$10$abc")
	require.Error(t, err)
}

// The cost of an unknown user is that of its parameters, not a matter of timing.
func TestAnUnknownUserCostsTheSame(t *testing.T) {
	t.Parallel()
	h := NewHasher(Advised, 1, 1)
	dummy, salt, key, err := argon2id.DecodeHash(h.dummy())
	require.NoError(t, err)
	hash, err := h.Hash(t.Context(), "a real user's password")
	require.NoError(t, err)
	known, knownSalt, knownKey, err := argon2id.DecodeHash(hash)
	require.NoError(t, err)
	require.Equal(t, known, dummy)
	require.Len(t, salt, len(knownSalt))
	require.Len(t, key, len(knownKey))
}

func TestHashersAreBounded(t *testing.T) {
	t.Parallel()
	h := NewHasher(Advised, 1, 1)
	h.patience = time.Hour                   // however slow the machine is
	require.NoError(t, h.enter(t.Context())) // the one that runs
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() { // the one that waits
		_, err := h.Verify(ctx, "password", "")
		waiting <- err
	}()
	require.Eventually(t, func() bool { return len(h.places) == 2 }, time.Minute, time.Millisecond)

	_, err := h.Hash(t.Context(), "one too many")
	require.ErrorIs(t, err, ErrBusy)
	cancel()
	require.ErrorIs(t, testkit.Receive(t, waiting), context.Canceled)
	h.leave()
	_, err = h.Verify(t.Context(), "password", "")
	require.NoError(t, err, "every place is given back")
	require.Empty(t, h.places)
	require.Empty(t, h.slots)
}

func TestNobodyWaitsTooLongForAHasher(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher(Advised, 1, 1)
		require.NoError(t, h.enter(t.Context()))
		require.ErrorIs(t, h.enter(t.Context()), ErrBusy)
		require.Len(t, h.places, 1, "the place is given back")
		h.leave()
		require.NoError(t, h.enter(t.Context()))
	})
}

func TestAFloodOfLogins(t *testing.T) {
	t.Parallel()
	// What is advised takes seconds under the race detector on a slow machine.
	h := NewHasher(Cost{Memory: 2 << 10, Iterations: 2}, 2, 4)
	h.patience = time.Hour // however slow it is
	var logins sync.WaitGroup
	results := make(chan error, 200)
	for range cap(results) {
		logins.Go(func() {
			_, err := h.Verify(t.Context(), "password", "")
			results <- err
		})
	}
	logins.Wait()
	close(results)
	served := 0
	for err := range results {
		if err == nil {
			served++
			continue
		}
		require.ErrorIs(t, err, ErrBusy)
	}
	require.GreaterOrEqual(t, served, 6, "a full house is served")
}

func BenchmarkVerifyPassword(b *testing.B) {
	h := NewHasher(Advised, 2, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Verify(b.Context(), "password", ""); err != nil {
			b.Fatal(err)
		}
	}
}
