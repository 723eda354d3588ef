package command

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever a receiver makes a failure say, its webhook can be disabled for it.
func TestAnyFailureIsAReason(t *testing.T) {
	t.Parallel()
	for _, failure := range []string{"a\nb", "\x00", "\u2028x", "\u202ex\u2069", "\xff", "x509: \u00e9"} {
		taken(t, failure)
	}
	rapid.Check(t, func(t *rapid.T) { taken(t, rapid.String().Draw(t, "failure")) })
	rapid.Check(t, func(t *rapid.T) { taken(t, string(rapid.SliceOf(rapid.Byte()).Draw(t, "failure"))) })
}

func taken(t require.TestingT, failure string) {
	require.NoError(t, line("/reason", DisableReason("it failed: "+failure), maxReason), "%q", failure)
}
