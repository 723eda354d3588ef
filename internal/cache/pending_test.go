package cache

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
)

// connected is a bus that is there, and says nothing.
type connected struct{}

func (connected) ChanSubscribe(string, chan *nats.Msg) (*nats.Subscription, error) { return nil, nil }
func (connected) IsConnected() bool                                                { return true }

// follower is a process that reads a standby: what stands in its database is what that shows.
type follower struct {
	*Positions
	t           *testing.T
	do          func(sql string, args ...any)
	incarnation uuid.UUID
	now         time.Time // of all that is heard and looked at: no notice waits for too long, however slow this is
}

func newFollower(t *testing.T) *follower {
	admin, pool, incarnation := oneView(t)
	f := &follower{newPositions(pool, connected{}), t, func(sql string, args ...any) {
		t.Helper()
		_, err := admin.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}, incarnation, time.Now()}
	require.True(t, f.poll(t.Context(), true))
	f.tell(wire.Notice{From: 10, To: 10})
	return f
}

// tell has a notice come, of a commit on the primary.
func (f *follower) tell(n wire.Notice) {
	n.View, n.Version, n.Build, n.Epoch, n.Saved = "v", 1, 1, 1, n.To
	if n.Incarnation == uuid.Nil {
		n.Incarnation = f.incarnation
	}
	f.receive(f.t.Context(), n, f.now)
}

// replay has the standby come to a position.
func (f *follower) replay(position int) {
	f.t.Helper()
	f.do(`update sical.projection set position = $1`, position)
}

// park has the standby come to 20, where something is parked.
func (f *follower) park() {
	f.t.Helper()
	f.do(`with moved as (update sical.projection set position = 20)
		insert into sical.parked (view, version, build, shard, name, position, stream, type, names, error, attempts)
		values ('v', 1, 1, 0, 'goal a', 20, 'goal-a', 'goal.created', '{v/a}', 'e', 1)`)
}

// at checks how far the view is said to be after a look at the standby, and what is parked.
func (f *follower) at(position uint64, parks bool) {
	f.t.Helper()
	f.look(f.t.Context(), f.now)
	require.Equal(f.t, position, f.Applied("v"))
	err := f.CheckParked(position, func() []string { return []string{"v/a"} }, "")
	if !parks {
		require.NoError(f.t, err)
		return
	}
	var parked *ParkedError
	require.ErrorAs(f.t, err, &parked)
}

// What a standby does not show to be parked yet is not taken for applied. What was told
// meanwhile is taken in then as it was told, and nothing has to be read anew for it.
func TestWhatIsParkedIsNotTakenForAppliedWhileTheStandbyLags(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	generation := f.generation.Load()
	f.OnForget(func() { f.generation.Add(1) })
	f.tell(wire.Notice{From: 10, To: 20, Parks: true})
	f.tell(wire.Notice{From: 20, To: 30, Keys: []string{"v/b"}})
	f.at(10, false)
	require.True(t, f.Heard(), "it is not silent")
	f.park()
	f.at(30, true)
	f.tell(wire.Notice{From: 30, To: 40})
	f.at(40, true)
	require.Equal(t, generation, f.generation.Load())
}

// A notice that was lost may have told that something is parked.
func TestWhatALostNoticeMayHaveParkedIsNotTakenForApplied(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	f.tell(wire.Notice{From: 20, To: 30})
	f.tell(wire.Notice{From: 30, To: 40})
	f.at(10, false)
	f.park()
	f.at(10, false) // nobody asks for more than that
	f.replay(30)
	f.at(40, true)
}

// Where the database is the one that the projectors write to, it has what a notice tells of,
// and nothing waits.
func TestNoNoticeWaitsForADatabaseThatDoesNotLag(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	f.park()
	f.tell(wire.Notice{From: 10, To: 20, Parks: true})
	require.EqualValues(t, 20, f.Applied("v"))
	f.replay(40)
	f.tell(wire.Notice{From: 30, To: 40})
	require.EqualValues(t, 40, f.Applied("v"))
	f.at(40, true)
}

// An erasure is heeded at once, whatever else the notice of it has to wait for.
func TestAnErasureWaitsForNoStandby(t *testing.T) {
	t.Parallel()
	f, forgotten := newFollower(t), 0
	f.OnForget(func() { forgotten++ })
	f.tell(wire.Notice{From: 10, To: 20, Parks: true, Forget: true})
	require.Equal(t, 1, forgotten)
	f.at(10, false)
}

// What a notice tells of may never come to be there: the database has lost it, or is of
// another log. Then it is what the database says that counts.
func TestNoNoticeWaitsForEver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(*follower)
		want    uint64
	}{
		"the database has lost it": {func(f *follower) { f.look(t.Context(), f.now.Add(silence+tick)) }, 10},
		"too many wait": {func(f *follower) {
			for i := range uint64(mostPending) {
				f.tell(wire.Notice{From: 20 + i, To: 21 + i})
			}
		}, 10},
		"another log": {func(f *follower) {
			other := uuid.New()
			f.do(`update sical.projection set position = 5, incarnation = $1`, other)
			f.tell(wire.Notice{Incarnation: other, From: 5, To: 6})
		}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFollower(t)
			f.tell(wire.Notice{From: 10, To: 20, Parks: true})
			c.happens(f)
			f.at(c.want, false)
			require.Empty(t, f.view("v").shards[0].pending)
			f.park()
			f.do(`update sical.projection set position = 1020`)
			f.tell(wire.Notice{Incarnation: f.incarnation, From: 1020, To: 1020})
			f.at(1020, true)
		})
	}
}
