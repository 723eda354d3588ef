package wire

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

func TestNoticeRoundTrip(t *testing.T) {
	t.Parallel()
	n := Notice{
		View: "goal", Version: 2, Build: 7, Shard: 3, Flip: true, Incarnation: uuid.New(), Epoch: 3, From: 4, To: 5, Saved: 5, State: ViewPaused,
		Keys: []string{"goal/" + events.ID{1}.String()}, Groups: []string{"组"}, All: true, Forget: true,
	}
	data, err := n.Encode()
	require.NoError(t, err)
	back, err := DecodeNotice(data)
	require.NoError(t, err)
	require.Equal(t, n, back)
}
