package auth

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rival is one of the tags that want the same place.
func rival(i int) tag { return tag{15: byte(i)} }

func TestWhoAsksKeepsThePlaceForOnce(t *testing.T) {
	t.Parallel()
	r := new(regulars)
	here := func(i int) bool {
		c, ok := r.get(rival(i))
		require.True(t, !ok || c.Generation == int64(i), "never another's")
		return ok
	}
	put := func(i int) { r.put(rival(i), Claims{Generation: int64(i)}) }

	put(0)
	put(1)
	require.True(t, here(1), "nobody has asked for the other")
	put(0)
	require.True(t, here(1), "it has been asked for")
	put(0)
	put(0)
	require.True(t, here(0), "it has not, since the other came")
	require.False(t, here(1))
}

// Many at a time ask for tokens that push each other out: each is given its own, or none.
func TestNobodyIsTakenForARival(t *testing.T) {
	t.Parallel()
	r := new(regulars)
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			for range 5000 {
				if c, ok := r.get(rival(i)); ok {
					assert.Equal(t, int64(i), c.Generation)
				} else {
					r.put(rival(i), Claims{Generation: int64(i)})
				}
			}
		})
	}
	all.Wait()
}

// A token that comes again and again is believed by its whole text alone, and for no longer
// than any other.
func TestARegularIsAskedWhatAllAreAsked(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	want, token := d.token(t)
	for range 3 {
		_, err := d.verifier.Verify(token)
		require.NoError(t, err)
	}
	_, ok := d.verifier.regulars.get(d.verifier.tags.of(token))
	require.True(t, ok)
	for i := range len(token) {
		other := []byte(token)
		other[i] ^= 1
		_, err := d.verifier.Verify(string(other))
		require.ErrorIs(t, err, ErrToken, i)
	}
	_, err := d.verifier.Verify(token + "A")
	require.ErrorIs(t, err, ErrToken)

	d.now = want.Expires.Add(Leeway)
	_, err = d.verifier.Verify(token)
	require.ErrorIs(t, err, ErrToken, "it has expired")

	d.now = someTime
	d.verifier.revocations = &Revocations{sessions: map[uuid.UUID]time.Time{}, users: map[uuid.UUID]userEnd{}}
	d.verifier.revocations.add(revocation{Kind: "session", Subject: want.Session, CreatedAt: someTime})
	_, err = d.verifier.Verify(token)
	require.ErrorIs(t, err, ErrRevoked)
}

// Each text has a tag of its own, whoever else is given one at the same time.
func TestTagsTellTextsApart(t *testing.T) {
	t.Parallel()
	tags, other := newTagger(), newTagger()
	known := map[tag]string{}
	for _, text := range []string{"", "\x00", "\x00\x00", "a", "a\x00", strings.Repeat("a", 16), strings.Repeat("a", 17), strings.Repeat("a", 8192)} {
		made := tags.of(text)
		require.NotContains(t, known, made, "%q", text)
		known[made] = text
		require.NotEqual(t, made, other.of(text), "each process has its own")
	}
	var all sync.WaitGroup
	for want, text := range known {
		all.Go(func() {
			for range 1000 {
				assert.Equal(t, want, tags.of(text))
			}
		})
	}
	all.Wait()
}

// BenchmarkVerifyMany has five times as many tokens as there are places for regulars.
func BenchmarkVerifyMany(b *testing.B) {
	d := newDoor(b)
	tokens := make([]string, 20_000)
	for i := range tokens {
		_, tokens[i] = d.token(b)
		for range 2 {
			_, err := d.verifier.Verify(tokens[i])
			require.NoError(b, err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := d.verifier.Verify(tokens[i*7919%len(tokens)]); err != nil {
			b.Fatal(err)
		}
	}
}
