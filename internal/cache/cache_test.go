package cache

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// question asks for one text that stands at the position, or that of each shard.
func question(text string, at ...uint64) Question {
	return Question{
		Key: "q", Views: []string{"v"}, Deps: func() []string { return []string{"v/1"} },
		Load: func(context.Context) (Answer, error) {
			return Answer{Body: []byte(text), Checkpoints: stood(at...), Deps: "v/group"}, nil
		},
	}
}

// loaded has the answer "old", read at position 10, in the cache.
func loaded(t *testing.T) floored {
	f := newFloored(t)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
	_, err := f.c.Do(t.Context(), question("old", 10))
	require.NoError(t, err)
	f.c.store.Wait()
	return f
}

func TestWhatNoticesDoToAnAnswer(t *testing.T) {
	t.Parallel()
	other := uuid.New()
	for name, c := range map[string]struct {
		heard    []wire.Notice
		want     string
		position uint64
	}{
		"nothing":                         {nil, "old", 10},
		"its row":                         {[]wire.Notice{{From: 10, To: 12, Keys: []string{"v/1"}}}, "new", 20},
		"what no answer names so":         {[]wire.Notice{{From: 10, To: 12, Groups: []string{"none"}}}, "new", 20},
		"a group known only when loaded":  {[]wire.Notice{{From: 10, To: 12, Keys: []string{"v/7"}, Groups: []string{"v/group"}}}, "new", 20},
		"a row of no view":                {[]wire.Notice{{From: 10, To: 12, Keys: []string{"none"}}}, "new", 20},
		"another row":                     {[]wire.Notice{{From: 10, To: 12, Keys: []string{"v/2"}}}, "old", 12},
		"events of no concern":            {[]wire.Notice{{From: 10, To: 15}}, "old", 15},
		"a heartbeat":                     {[]wire.Notice{{From: 10, To: 10}}, "old", 10},
		"too much to list":                {[]wire.Notice{{From: 10, To: 12, All: true}}, "new", 20},
		"a hole":                          {[]wire.Notice{{From: 11, To: 12}}, "new", 20},
		"a hole that only a beat shows":   {[]wire.Notice{{From: 12, To: 12}}, "new", 20},
		"what is known already":           {[]wire.Notice{{From: 8, To: 9, Keys: []string{"v/1"}}}, "old", 10},
		"a new owner that goes on":        {[]wire.Notice{{Epoch: 2, From: 10, To: 12}}, "old", 12},
		"a new owner that begins earlier": {[]wire.Notice{{Epoch: 2, From: 8, To: 9}}, "new", 20},
		"an owner that was superseded":    {[]wire.Notice{{Epoch: 2, From: 10, To: 11}, {Epoch: 1, From: 10, To: 19, Keys: []string{"v/1"}}}, "old", 11},
		"another version of the view":     {[]wire.Notice{{Version: 2, From: 10, To: 12, Keys: []string{"v/1"}}}, "old", 10},
		"another build of the version":    {[]wire.Notice{{Build: 2, From: 10, To: 12, Keys: []string{"v/1"}}}, "old", 10},
		"a shard that it has not":         {[]wire.Notice{{Shard: 1, From: 10, To: 12, Keys: []string{"v/1"}}}, "old", 10},
		"another incarnation":             {[]wire.Notice{{Incarnation: other, From: 10, To: 12, Keys: []string{"v/1"}}}, "old", 10},
		"someone was erased":              {[]wire.Notice{{From: 10, To: 12, Forget: true}}, "new", 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := loaded(t)
			for _, n := range c.heard {
				n.View, n.Version, n.Build, n.Epoch = "v", max(n.Version, 1), max(n.Build, 1), max(n.Epoch, 1)
				n.Saved = max(n.Saved, n.From)
				f.hear(n)
			}
			a, err := f.c.Do(t.Context(), question("new", 20))
			require.NoError(t, err)
			require.Equal(t, c.want, string(a.Body))
			require.Equal(t, c.position, a.Position)
		})
	}
}

// What the database said while notices were missing.
func TestWhatThePollDoesToAnAnswer(t *testing.T) {
	t.Parallel()
	other := uuid.New()
	for name, c := range map[string]struct {
		found    checkpoint
		want     string
		position uint64
	}{
		"nothing new":         {checkpoint{Position: 10}, "old", 10},
		"moved on unheard":    {checkpoint{Position: 14}, "new", 20},
		"fell back":           {checkpoint{Position: 4}, "new", 20},
		"another incarnation": {checkpoint{Position: 30, Incarnation: other}, "new", 30},
		"another build":       {checkpoint{Build: 2, Position: 10}, "new", 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := loaded(t)
			c.found.View, c.found.Version, c.found.Build, c.found.State = "v", 1, max(c.found.Build, 1), wire.ViewLive
			f.p.take(f.p.view("v"), []checkpoint{c.found}, time.Now())
			a, err := f.c.Do(t.Context(), question("new", max(20, c.found.Position)))
			require.NoError(t, err)
			require.Equal(t, c.want, string(a.Body))
			require.Equal(t, c.position, a.Position)
		})
	}
}

func TestSilenceEndsTrust(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	f.p.view("v").heard.Store(false)
	a, err := f.c.Do(t.Context(), question("new", 20))
	require.NoError(t, err)
	require.Equal(t, "new", string(a.Body))
}

func TestMinPosition(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	q := question("new", 20)
	q.MinPosition = 15
	a, err := f.c.Do(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, "new", string(a.Body))

	q.MinPosition = 25
	_, err = f.c.Do(t.Context(), q)
	require.ErrorIs(t, err, ErrBehind)
}

// A replica that lags does not have yet what was just made: that it is not there is no
// answer to who knows better.
func TestNotThereIsAsOfWhen(t *testing.T) {
	t.Parallel()
	missing := errors.New("not there")
	f := loaded(t)
	q := question("", 20)
	q.Key = "another"
	q.Load = func(context.Context) (Answer, error) { return Answer{Checkpoints: stood(20)}, missing }
	for least, want := range map[uint64]error{0: missing, 20: missing, 25: ErrBehind} {
		q.MinPosition = least
		_, err := f.c.Do(t.Context(), q)
		require.ErrorIs(t, err, want, "%d", least)
		f.c.store.Wait() // it would be kept by now
	}
	q.Load = func(context.Context) (Answer, error) { return Answer{}, missing }
	_, err := f.c.Do(t.Context(), q)
	require.ErrorIs(t, err, missing, "what was not read")
}

// What changes without any event is loaded for each who asks, and stands where its views are
// known to be, as what is kept does.
func TestVolatile(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, From: 10, To: 15, Saved: 10})
	ask := func(text string, least uint64, at ...uint64) (Answer, error) {
		q := question(text, at...)
		q.Volatile, q.MinPosition = true, least
		return f.c.Do(t.Context(), q)
	}
	for _, text := range []string{"first", "second"} {
		a, err := ask(text, 15, 10)
		require.NoError(t, err)
		require.Equal(t, text, string(a.Body))
		require.EqualValues(t, 15, a.Position, "its checkpoint trails over events of no concern")
	}
	a, err := ask("fallen", 8, 8)
	require.NoError(t, err)
	require.EqualValues(t, 8, a.Position)
	_, err = ask("fallen", 15, 8)
	require.ErrorIs(t, err, ErrBehind)
	kept, err := f.c.Do(t.Context(), question("new", 20))
	require.NoError(t, err)
	require.Equal(t, "old", string(kept.Body))
}

// A checkpoint that trails over events of no concern is as good as what was
// applied; one below what had been saved is of a database that fell back.
func TestStands(t *testing.T) {
	t.Parallel()
	at := func(build int, position uint64) projections.Checkpoint {
		return projections.Checkpoint{Build: projections.Build{View: "v", Version: 1, Number: build}, Shards: []uint64{position}}
	}
	one := at(1, 0).Build
	require.EqualValues(t, 18, stands([]projections.Checkpoint{at(1, 12), at(1, 20)},
		[]baseline{{build: one, applied: 18, saved: []uint64{12}}, {build: one, applied: 19, saved: []uint64{19}}}))
	require.EqualValues(t, 11, stands([]projections.Checkpoint{at(1, 11)}, []baseline{{build: one, applied: 18, saved: []uint64{12}}}))
	require.EqualValues(t, 12, stands([]projections.Checkpoint{at(2, 12)}, []baseline{{build: one, applied: 18, saved: []uint64{12}}}),
		"what is applied of one build says nothing of another")
}

// slowly asks. Its load has begun, at position 10, and ends when finish is closed: with err, or "old".
func (f floored) slowly(t *testing.T, err error) (answer <-chan string, finish chan struct{}) {
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
	began, finish := make(chan struct{}), make(chan struct{})
	q := question("", 10)
	q.Load = func(context.Context) (Answer, error) {
		close(began)
		<-finish
		return Answer{Body: []byte("old"), Checkpoints: stood(10)}, err
	}
	answer = ask(f.c, q)
	testkit.Receive(t, began)
	return answer, finish
}

// Whoever asks after a change must not be given a load that began before it.
func TestFlightsAreJoinedOnlyWhenRecentEnough(t *testing.T) {
	t.Parallel()
	f := newFloored(t)
	first, finish := f.slowly(t, nil)
	same := ask(f.c, question("same", 10))
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, From: 10, To: 12, Saved: 12, Keys: []string{"v/1"}})
	later := ask(f.c, question("new", 12))
	close(finish)
	require.Equal(t, "old", testkit.Receive(t, first))
	fresh := []string{"new", "same"} // one may join the other's load, which began late enough for both
	require.Contains(t, fresh, testkit.Receive(t, later))
	require.Contains(t, fresh, testkit.Receive(t, same))
}

// Nor is somebody told that something is not there who came when it was known to be: it may be
// there now.
func TestNotThereIsJoinedOnlyWhenRecentEnough(t *testing.T) {
	t.Parallel()
	missing := errors.New("not there")
	f := newFloored(t)
	first, finish := f.slowly(t, missing)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, From: 10, To: 12, Saved: 12, Keys: []string{"v/1"}})
	later := ask(f.c, question("new", 12))
	time.AfterFunc(time.Millisecond, func() { close(finish) }) // nearly always when the other has joined, which does not tell
	require.Equal(t, missing.Error(), testkit.Receive(t, first))
	require.Equal(t, "new", testkit.Receive(t, later))
}

// ask asks in a goroutine of its own.
func ask(c *Cache, q Question) <-chan string {
	answer := make(chan string, 1)
	go func() {
		a, err := c.Do(context.Background(), q)
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- string(a.Body)
	}()
	return answer
}

// What was read before an erasure is not kept after it, even if it comes later.
func TestClearReachesLoadsUnderWay(t *testing.T) {
	t.Parallel()
	f := newFloored(t)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
	q := question("", 10)
	q.Load = func(context.Context) (Answer, error) {
		f.c.Clear()
		return Answer{Body: []byte("secret"), Checkpoints: stood(10)}, nil
	}
	_, err := f.c.Do(t.Context(), q)
	require.NoError(t, err)
	f.c.store.Wait()
	_, kept := f.c.store.Get("q")
	require.False(t, kept)
}

func TestErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	f.c.Clear()
	broken := errors.New("broken")
	q := question("", 10)
	q.Load = func(context.Context) (Answer, error) { return Answer{}, broken }
	_, err := f.c.Do(t.Context(), q)
	require.ErrorIs(t, err, broken)
	q.Load = func(context.Context) (Answer, error) { panic("boom") }
	require.Panics(t, func() { _, _ = f.c.Do(t.Context(), q) })
	a, err := f.c.Do(t.Context(), question("well", 10))
	require.NoError(t, err)
	require.Equal(t, "well", string(a.Body))
}
