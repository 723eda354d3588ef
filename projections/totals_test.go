package projections

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
)

// Names of sums stand in tables: how they are written is for ever.
func TestNamesOfDailySums(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		day := events.Date(rapid.Int32Range(-800_000, 3_000_000).Draw(t, "day"))
		id := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		require.Equal(t, strings.Join([]string{Busy, day.String(), id.String()}, separator), DailyOf(Busy, day, id))
		require.Equal(t, day.Time().Format("2006-01-02"), day.String())
	})
}
