package query

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/internal/vault"
	"sical-backend/projections"
)

var errSpoilt = errors.New("spoilt")

// counted has nothing sealed, and counts how often each text is opened. One cannot be.
type counted struct {
	opened map[events.Personal]int
}

func (c counted) Opener(context.Context, ...events.ID) (vault.Opener, error) { return c, nil }

func (c counted) Open(_ events.ID, text events.Personal) (string, error) {
	if c.opened[text]++; text == "spoilt" {
		return "", errSpoilt
	}
	return string(text), nil
}

// What is public is opened once for all, as far as somebody wants more; and who cannot open a
// goal of their own spoils nobody else's search.
func TestPublicGoalsAreOpenedOnce(t *testing.T) {
	t.Parallel()
	page := func(newest int64, titles ...string) *rowPage[projections.GoalRow] {
		page := &rowPage[projections.GoalRow]{}
		for i, title := range titles {
			page.rows = append(page.rows, &projections.GoalRow{
				ID: uuid.New(), Title: events.Personal(title), CreatedAt: time.Unix(newest-int64(i), 0),
			})
		}
		return page
	}
	var titles []string
	for n := range 10 {
		titles = append(titles, fmt.Sprintf("goal %d of %d", n, n%2))
	}
	public, none := page(100, titles...), page(0)
	one := func(limit int, terms ...string) *seeker {
		return &seeker{viewer: Viewer{ID: uuid.New()}, search: Search(terms), limit: limit}
	}
	keys := counted{map[events.Personal]int{}}
	a := &Answerer{keyring: keys}
	found, err := a.match(t.Context(),
		[]*seeker{one(2, "goal"), one(3, "1"), one(1, "of"), one(2, "goal")},
		public, []*rowPage[projections.GoalRow]{none, none, page(101, "spoilt"), page(101, "goal of mine")})
	require.NoError(t, err)
	shown := func(f findings) (list []string) {
		for _, g := range f.goals.goals {
			list = append(list, string(g.Title))
		}
		return list
	}
	require.Equal(t, []string{"goal 0 of 0", "goal 1 of 1"}, shown(found[0]))
	require.Equal(t, markOf(public.rows[1]), *found[0].next)
	require.Equal(t, []string{"goal 1 of 1", "goal 3 of 1", "goal 5 of 1"}, shown(found[1]))
	require.ErrorIs(t, found[2].err, errSpoilt)
	require.Equal(t, []string{"goal of mine", "goal 0 of 0"}, shown(found[3]))
	for i, r := range public.rows {
		require.Equal(t, map[bool]int{true: 1}[i <= 5], keys.opened[r.Title], r.Title)
	}
}

// What a search fails with among others is told to who asked.
func TestASearchThatFailsSaysSo(t *testing.T) {
	t.Parallel()
	a := &Answerer{keyring: counted{map[events.Personal]int{}}}
	a.seekers = reading.NewTurnBatcher(1, 1, func(_ context.Context, seekers []*seeker) (map[*seeker]findings, error) {
		return map[*seeker]findings{seekers[0]: {err: errSpoilt}}, nil
	})
	q, err := a.SearchGoals(Viewer{}, GoalFilter{}, Search{"goal"}, Paging{Limit: 1})
	require.NoError(t, err)
	_, err = q.gather(t.Context(), nil)
	require.ErrorIs(t, err, errSpoilt)
}
