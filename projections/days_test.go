package projections

import (
	"maps"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
)

func drawDays(t *rapid.T, label string) []events.Date {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) events.Date {
		return events.Date(rapid.Int32Range(-100, 400).Draw(t, "day"))
	}), 0, 40).Draw(t, label)
}

// TestDaysAreASet: whatever comes in whatever order, and through its stored form.
func TestDaysAreASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		drawn, want := drawDays(t, "days"), map[events.Date]bool{}
		var got Days
		for _, day := range drawn {
			got.add(day)
			want[day] = true
		}
		require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Clone([]events.Date(got)))
		stored, err := json.Marshal(got)
		require.NoError(t, err)
		var back Days
		require.NoError(t, json.Unmarshal(stored, &back))
		require.True(t, slices.Equal(got, back), "%s", stored)
	})
	for _, wrong := range []string{`[1,0]`, `[1,-1]`, `[1.5]`, `["a"]`, `{}`, `[99999999999]`, `[1,,2]`} {
		require.Error(t, json.Unmarshal([]byte(wrong), new(Days)), wrong)
	}
}

// TestSpellsCountDistinctly: adding up the spells that reach over the end of a
// window counts each learner that is in it once.
func TestSpellsCountDistinctly(t *testing.T) {
	t.Parallel()
	const longest = 30
	rapid.Check(t, func(t *rapid.T) {
		type spell struct{ day, gap events.Date }
		sums := map[spell]int{}
		learners := make([]Days, rapid.IntRange(0, 8).Draw(t, "learners"))
		for i := range learners {
			for _, day := range drawDays(t, "days") {
				learners[i].add(day)
			}
			learners[i].spells(longest, func(day, gap events.Date) { sums[spell{day, gap}]++ })
		}
		end := events.Date(rapid.Int32Range(-110, 410).Draw(t, "end"))
		span := events.Date(rapid.Int32Range(1, longest).Draw(t, "span"))
		want, got := 0, 0
		for _, days := range learners {
			if slices.ContainsFunc(days, func(day events.Date) bool { return day > end-span && day <= end }) {
				want++
			}
		}
		for s, n := range sums {
			if s.day > end-span && s.day <= end && s.gap > end-s.day {
				got += n
			}
		}
		require.Equal(t, want, got)
	})
}
