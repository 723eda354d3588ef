package dispatch

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// damage makes a goal one that cannot be read.
func damage(t *testing.T, owner *pgx.Conn, goal events.ID) {
	t.Helper()
	_, err := owner.Exec(t.Context(), `update sical.events set data = '{"title": 7}' where stream = $1`, events.StreamOf(events.KindGoal, goal))
	require.NoError(t, err)
}

// A stream that cannot be read fails the commands that need it; the others of the batch are
// carried out in their order.
func TestDamagedStreamSpoilsNoOther(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	d, owner := process(t, db.URL(postgres.RoleCommand)), connect(t, db.AdminURL)
	ana, damaged, whole, later := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	create := func(id events.ID) *Request {
		return request("goal.create", &command.CreateGoal{Of: of(id), Title: "学习"}, ana)
	}
	for _, r := range []*Request{register(ana, "ana"), create(damaged), create(whole)} {
		require.NoError(t, d.Do(t.Context(), r).Err)
	}
	damage(t, owner, damaged)

	verdicts := d.All(t.Context(), []*Request{
		create(later), titled(damaged, ana, "a"), titled(whole, ana, "b"), titled(later, ana, "c"), titled(whole, ana, "d"),
	})
	for i, version := range []int{1, 0, 2, 2, 3} {
		if version == 0 {
			require.ErrorAs(t, verdicts[i].Err, new(eventlog.EventError))
			continue
		}
		require.NoError(t, verdicts[i].Err, i)
		require.Equal(t, version, verdicts[i].Version, i)
	}
}

// However many commands need the same stream that cannot be read, its load is not tried for each
// of them, also where only another stream tells that they need it.
func TestDamagedStreamIsNotLoadedForEach(t *testing.T) {
	t.Parallel()
	const many = 64
	db, loads := testkit.Database(t, migrated), &testkit.Queries{Of: "-- load events"}
	d, owner := traced(t, db.URL(postgres.RoleCommand), loads), connect(t, db.AdminURL)
	ana, ben, damaged, whole := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	post := func(goal events.ID) (comment events.ID, r *Request) {
		comment = uuid.New()
		return comment, request("comment.post", &command.PostComment{Of: of(comment), TargetType: events.TargetGoal, TargetID: goal, Text: "加油"}, ana)
	}
	edit := func(comment events.ID) *Request { // of somebody else's: what it is about decides whether they see it
		return request("comment.edit", &command.EditComment{Of: of(comment), Text: "别"}, ben)
	}
	onDamaged, first := post(damaged)
	onWhole, second := post(whole)
	for _, r := range []*Request{
		register(ana, "ana"), register(ben, "ben"),
		request("goal.create", &command.CreateGoal{Of: of(damaged), Title: "学习", Visibility: events.Public}, ana),
		request("goal.create", &command.CreateGoal{Of: of(whole), Title: "学习", Visibility: events.Public}, ana), first, second,
	} {
		require.NoError(t, d.Do(t.Context(), r).Err)
	}
	damage(t, owner, damaged)

	for name, c := range map[string]struct{ spoiled, other func(i int) *Request }{
		"their own": {
			func(int) *Request { return titled(damaged, ana, "a") },
			func(i int) *Request { return titled(whole, ana, fmt.Sprint(i)) },
		},
		"another's": {
			func(int) *Request { return edit(onDamaged) },
			func(int) *Request { return edit(onWhole) },
		},
	} {
		before := loads.Load()
		var requests []*Request
		for i := range many {
			requests = append(requests, c.spoiled(i))
			if i%16 == 0 {
				requests = append(requests, c.other(i))
			}
		}
		for i, v := range d.All(t.Context(), requests) {
			switch {
			case i%17 != 1:
				require.ErrorAs(t, v.Err, new(eventlog.EventError), "%s: %d", name, i)
			case name == "their own":
				require.NoError(t, v.Err, "%s: %d", name, i)
				require.Equal(t, 2+i/17, v.Version)
			default:
				require.Equal(t, "forbidden", code(v.Err), "%s: %d", name, i)
			}
		}
		require.Less(t, loads.Load()-before, int64(10), name)
	}
}

// As many streams may be damaged as there are commands: each fails alone.
func TestManyDamagedStreamsSpoilNoOther(t *testing.T) {
	t.Parallel()
	const many = 40
	db := testkit.Database(t, migrated)
	d, owner := process(t, db.URL(postgres.RoleCommand)), connect(t, db.AdminURL)
	ana, damaged := uuid.New(), map[events.ID]bool{}
	require.NoError(t, d.Do(t.Context(), register(ana, "ana")).Err)
	var create, revise []*Request
	for i := range many {
		goal := uuid.New()
		create = append(create, request("goal.create", &command.CreateGoal{Of: of(goal), Title: "学习"}, ana))
		revise = append(revise, titled(goal, ana, "a"))
		damaged[goal] = i%4 != 2
	}
	for _, v := range d.All(t.Context(), create) {
		require.NoError(t, v.Err)
		if damaged[v.ID] {
			damage(t, owner, v.ID)
		}
	}
	for _, v := range d.All(t.Context(), revise) {
		if damaged[v.ID] {
			require.ErrorAs(t, v.Err, new(eventlog.EventError))
			continue
		}
		require.NoError(t, v.Err)
	}
}
