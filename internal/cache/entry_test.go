package cache

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
)

// What an entry is written from is what it gives, and each entry more costs little.
func TestEntryGivesWhatItWasWrittenFrom(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, unsafe.Sizeof(entry{}), uintptr(80))
	f := newFloored(t, "w")
	v, w := f.p.view("v"), f.p.view("w")
	for i, names := range [][]string{nil, {"v/1"}, {"v/1", "w/组", "w"}} {
		e := &entry{}
		body := append(make([]byte, 0, 4+100*i), "body"...) // with no room behind it, and with much
		e.write("key", Answer{Body: body, ETag: `"1.x"`, Deps: NamesOf(names)}, []source{{w, 1 << 40}, {v, 9}}, names)
		a := e.at(nil, 7)
		require.Equal(t, i > 0, &a.Body[0] == &body[0], "it stays where it is if there is room")
		require.EqualValues(t, overhead+max(len(e.all), cap(body)), e.size.Load())
		require.Equal(t, len(a.Body), cap(a.Body), "who appends to it does not write to what is behind it")
		require.Equal(t, []any{"body", `"1.x"`, uint64(7)}, []any{string(a.Body), a.ETag, a.Position})
		require.Equal(t, names, a.Deps.List())
		require.Equal(t, "key", e.question())
		require.EqualValues(t, 9, e.position, "that of the one that is furthest behind")
		require.Zero(t, e.generation)
		require.Len(t, e.all[e.names:], 2*sourceBytes+slotBytes*len(names))
	}
}

// What depends on a name of no view that it was read from is not given again: nobody can tell
// when it is outdated.
func TestWhatIsOfNoSourceIsNotKept(t *testing.T) {
	t.Parallel()
	f := newFloored(t, "w")
	for _, name := range []string{"w", "w/1", "", "/v/1", "none"} {
		e := &entry{}
		e.write("key", Answer{}, []source{{f.p.view("v"), 9}}, []string{"v", "v/1", name})
		require.Equal(t, never, e.generation, name)
	}
}

// Every floor counts, those of names that only loading told as well.
func TestEveryFloorCounts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"v/own", "v/told", "v/last", "v/another's"} {
		f := newFloored(t)
		f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
		q := Question{Key: "k", Views: []string{"v"}, Deps: func() []string { return []string{"v/own"} }, Load: func(context.Context) (Answer, error) {
			return Answer{Body: []byte("x"), Deps: NamesOf([]string{"v/told", "v/last"}), Checkpoints: stood(10)}, nil
		}}
		_, err := f.c.Do(t.Context(), q)
		require.NoError(t, err)
		f.c.store.Wait()
		f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, From: 10, To: 11, Saved: 11, Keys: []string{name}})
		_, current := f.c.Lookup("k", 0)
		require.Equal(t, name == "v/another's", current, name)
	}
}

// What depends on a view is outdated by any row of it.
func TestAnyRowOutdatesWhatDependsOnItsView(t *testing.T) {
	t.Parallel()
	f := newFloored(t)
	q := question("old", 10)
	q.Deps = func() []string { return []string{"v"} }
	_, err := f.c.Do(t.Context(), q)
	require.NoError(t, err)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 15, Saved: 15})
	a, err := f.c.Do(t.Context(), question("new", 15))
	require.NoError(t, err)
	require.Equal(t, "old", string(a.Body))
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, From: 15, To: 20, Saved: 20, Keys: []string{"v/7"}})
	a, err = f.c.Do(t.Context(), question("new", 20))
	require.NoError(t, err)
	require.Equal(t, "new", string(a.Body))
}

// An answer ends, whatever happens.
func TestAnEntryEnds(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	f.c.store.Wait()
	_, current := f.c.Lookup("q", 0)
	require.True(t, current)
	f.c.store.IterValues(func(e *entry) bool {
		require.Greater(t, e.ends, int64(time.Since(began)+ttl/2))
		require.Less(t, e.ends, int64(time.Since(began)+ttl))
		e.ends = int64(time.Since(began)) - 1
		return false
	})
	_, current = f.c.Lookup("q", 0)
	require.False(t, current)
}
