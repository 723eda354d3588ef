package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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

func (counted) Has(events.ID) bool { return true }

// goalsFrom are goals by their titles, one older by a second than the other.
func goalsFrom(newest int64, titles ...string) *rowPage[projections.GoalRow] {
	page := &rowPage[projections.GoalRow]{}
	for i, title := range titles {
		page.rows = append(page.rows, &projections.GoalRow{
			ID: uuid.New(), Title: events.Personal(title), CreatedAt: time.Unix(newest-int64(i), 0),
		})
	}
	return page
}

func seekerFor(limit int, terms ...string) *seeker {
	return &seeker{viewer: Viewer{ID: uuid.New()}, search: Search(terms), limit: limit}
}

func titles(rows []*projections.GoalRow) (list []string) {
	for _, g := range rows {
		list = append(list, string(g.Title))
	}
	return list
}

// What is public is opened once for all, as far as somebody gets to it; and what cannot be opened
// spoils nobody's search who does not.
func TestPublicGoalsAreOpenedOnce(t *testing.T) {
	t.Parallel()
	var list []string
	for n := range 10 {
		list = append(list, fmt.Sprintf("goal %d of %d", n, n%2))
	}
	public, none := goalsFrom(100, append(list, "spoilt", "goal behind")...), goalsFrom(0)
	keys := counted{map[events.Personal]int{}}
	a := &Answerer{keyring: keys}
	search := func(seekers []*seeker, own ...*rowPage[projections.GoalRow]) []findings {
		found, err := a.search(t.Context(), seekers, public, own)
		require.NoError(t, err)
		return found
	}
	found := search([]*seeker{seekerFor(2, "goal"), seekerFor(3, "1"), seekerFor(1, "of"), seekerFor(2, "goal")},
		none, none, goalsFrom(101, "spoilt"), goalsFrom(101, "goal of mine"))
	require.Equal(t, []string{"goal 0 of 0", "goal 1 of 1"}, titles(found[0].goals.goals))
	require.Equal(t, markOf(public.rows[1]), *found[0].next)
	require.Equal(t, []string{"goal 1 of 1", "goal 3 of 1", "goal 5 of 1"}, titles(found[1].goals.goals))
	require.ErrorIs(t, found[2].err, errSpoilt)
	require.Equal(t, []string{"goal of mine", "goal 0 of 0"}, titles(found[3].goals.goals))
	for i, r := range public.rows[:10] {
		require.Equal(t, map[bool]int{true: 1}[i <= 5], keys.opened[r.Title], r.Title)
	}

	found = search([]*seeker{seekerFor(9, "goal"), seekerFor(20, "goal")}, none, none)
	require.NoError(t, found[0].err)
	require.Len(t, found[0].goals.goals, 9)
	require.ErrorIs(t, found[1].err, errSpoilt)

	clear(keys.opened)
	found = search([]*seeker{seekerFor(2, "mine")}, goalsFrom(200, "mine", "also mine", "mine, too"))
	require.Equal(t, []string{"mine", "also mine"}, titles(found[0].goals.goals))
	require.Equal(t, map[events.Personal]int{"mine": 1, "also mine": 1, "": 2}, keys.opened, "no public goal, nor one more than is wanted")
}

// Whoever goes from page to page finds each goal once, the newest first, and on each page the same
// whether others share it or not.
func TestSearchesGoThroughAllGoals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SampledFrom([]string{"a", "b", "a b", "c"})
		draw := func(label string) (rows []*projections.GoalRow) {
			for i, title := range rapid.SliceOfN(words, 0, 30).Draw(t, label) {
				id := uuid.UUID{byte(len(label)), byte(i)}
				at := time.Unix(rapid.Int64Range(0, 20).Draw(t, "at"), 0)
				rows = append(rows, &projections.GoalRow{ID: id, Title: events.Personal(title), CreatedAt: at})
			}
			slices.SortFunc(rows, newest)
			return rows
		}
		public, own := draw("public"), draw("own")
		opens := rapid.IntRange(1, 10).Draw(t, "opens")
		read := func(rows []*projections.GoalRow, after *mark) *rowPage[projections.GoalRow] {
			page := &rowPage[projections.GoalRow]{}
			for _, r := range rows {
				if after != nil && newest(r, &projections.GoalRow{ID: after.id, CreatedAt: after.at}) <= 0 {
					continue
				}
				if len(page.rows) == opens {
					page.next = "more"
					break
				}
				page.rows = append(page.rows, r)
			}
			return page
		}
		a := &Answerer{keyring: counted{map[events.Personal]int{}}}
		me, other := seekerFor(rapid.IntRange(1, 5).Draw(t, "limit"), "a"), seekerFor(rapid.IntRange(1, 5).Draw(t, "limit"), "b")
		var found []*projections.GoalRow
		for pages := 0; ; pages++ {
			require.LessOrEqual(t, pages, len(public)+len(own)+1)
			alone, err := a.search(t.Context(), []*seeker{me}, read(public, me.after), []*rowPage[projections.GoalRow]{read(own, me.after)})
			require.NoError(t, err)
			together, err := a.search(t.Context(), []*seeker{other, me}, read(public, me.after), []*rowPage[projections.GoalRow]{{}, read(own, me.after)})
			require.NoError(t, err)
			require.Equal(t, alone[0], together[1])
			require.LessOrEqual(t, len(alone[0].goals.goals), me.limit)
			found = append(found, alone[0].goals.goals...)
			if me.after = alone[0].next; me.after == nil {
				break
			}
		}
		want := slices.DeleteFunc(slices.Concat(public, own), func(r *projections.GoalRow) bool { return r.Title[0] != 'a' })
		slices.SortFunc(want, newest)
		require.Equal(t, len(want), len(found))
		for i := range want {
			require.Same(t, want[i], found[i])
		}
	})
}

// What a search fails with among others is told to who asked.
func TestASearchThatFailsSaysSo(t *testing.T) {
	t.Parallel()
	a := &Answerer{keyring: counted{map[events.Personal]int{}}}
	a.seekers = reading.NewTurnBatcher(1, 1, sameList, func(_ context.Context, seekers []*seeker) (map[*seeker]findings, error) {
		return map[*seeker]findings{seekers[0]: {err: errSpoilt}}, nil
	})
	q, err := a.SearchGoals(Viewer{}, GoalFilter{}, Search{"goal"}, Paging{Limit: 1})
	require.NoError(t, err)
	_, err = q.gather(t.Context(), nil)
	require.ErrorIs(t, err, errSpoilt)
}
