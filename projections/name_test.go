package projections

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestKeysAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	one, two := uuid.New(), uuid.New()
	for _, k := range []Key{KeyOf(one), {one, two}} {
		got, err := ParseKey(k.String())
		require.NoError(t, err)
		require.Equal(t, k, got)
	}
	for _, text := range []string{"", "goal", one.String() + "/", one.String() + "/" + two.String() + "/"} {
		_, err := ParseKey(text)
		require.Error(t, err, "%q", text)
	}
}
