package api

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAnswerIsWhatTheEncoderWouldWrite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := Answer{
			ID:       uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
			Version:  rapid.Int().Draw(t, "version"),
			Position: rapid.Uint64().Draw(t, "position"),
		}
		var want bytes.Buffer
		require.NoError(t, json.NewEncoder(&want).Encode(a))
		require.Equal(t, want.String(), string(a.append(nil)))
	})
}
