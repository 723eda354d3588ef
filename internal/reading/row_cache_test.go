package reading

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// A row is found by the very bytes that it was decoded from.
func TestCachedRowsAreKnownByTheirBytes(t *testing.T) {
	t.Parallel()
	var c rowCache[string]
	times := 0
	decode := func(doc []byte) (*string, error) {
		times++
		return new(string(doc)), nil
	}
	of := func(id events.ID, doc string) *string {
		row, err := c.decode(id, []byte(doc), decode)
		require.NoError(t, err)
		require.Equal(t, doc, *row)
		return row
	}
	id, same := events.ID{0: 1, 15: 7}, events.ID{0: 2, 15: 7} // of one slot
	first := of(id, "a")
	require.Same(t, first, of(id, "a"))
	require.Equal(t, 1, times)
	of(id, "b")
	of(same, "c")
	of(id, "b")
	require.Equal(t, 4, times)
	require.NotSame(t, of(id, "b"), of(same, "b"), "the same bytes of another row")
	of(id, "b")
	times = 4

	long := strings.Repeat("x", cachedLongest+1)
	require.NotSame(t, of(same, long), of(same, long))
	of(id, "b")
	require.Equal(t, 6, times, "and what is long does not drive out what is not")
	require.NotNil(t, c.last([]events.ID{id}))
	of(id, long)
	require.Nil(t, c.last([]events.ID{id}), "nor is a row foreseen as it was before it became long")

	broken := errors.New("broken")
	_, err := c.decode(id, []byte("d"), func([]byte) (*string, error) { return nil, broken })
	require.ErrorIs(t, err, broken)
	of(id, "d")
	require.Equal(t, 8, times, "what failed is not kept")
}
