package outage

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOneLineForEachTurn: however often it is tried, there is a line where it begins to fail,
// one where it works again, and none of tries that were given up.
func TestOneLineForEachTurn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	bare := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	l := Log{Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: bare})), Begins: "begins", Ends: "ends"}
	ended, end := context.WithCancel(t.Context())
	end()
	first, second, third := errors.New("first"), errors.New("second"), errors.New("third")
	l.Tried(ended, first)
	for _, err := range []error{nil, nil, first, second, second, nil, nil, third} {
		l.Tried(t.Context(), err)
	}
	l.Tried(ended, second)
	require.Equal(t, "level=WARN msg=begins error=first\nlevel=INFO msg=ends\nlevel=WARN msg=begins error=third\n", out.String())
}
