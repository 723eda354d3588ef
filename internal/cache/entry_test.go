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
	require.LessOrEqual(t, unsafe.Sizeof(entry{}), uintptr(88))
	for i, names := range [][]string{nil, {"view/1"}, {"view/1", "组", "view/2"}} {
		e := &entry{}
		body := append(make([]byte, 0, 4+100*i), "body"...) // with no room behind it, and with much
		e.write("key", Answer{Body: body, ETag: `"1.x"`, Deps: NamesOf(names)}, []uint16{0, 258, slots - 1})
		a := e.at(nil, 7)
		require.Equal(t, i > 0, &a.Body[0] == &body[0], "it stays where it is if there is room")
		require.EqualValues(t, overhead+max(len(e.all), cap(body)), e.size.Load())
		require.Equal(t, len(a.Body), cap(a.Body), "who appends to it does not write to what is behind it")
		require.Equal(t, []any{"body", `"1.x"`, uint64(7)}, []any{string(a.Body), a.ETag, a.Position})
		require.Equal(t, names, a.Deps.List())
		require.Equal(t, "key", e.question())
		require.Equal(t, "\x00\x00\x01\x02\xff\xff", e.all[e.names:])
	}
}

// Every floor counts, those of names that only loading told as well.
func TestEveryFloorCounts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"own", "told", "last", "another's"} {
		f := newFloored(t)
		f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
		q := Question{Key: "k", Views: []string{"v"}, Deps: func() []string { return []string{"own"} }, Load: func(context.Context) (Answer, error) {
			return Answer{Body: []byte("x"), Deps: NamesOf([]string{"told", "last"}), Checkpoints: stood(10)}, nil
		}}
		_, err := f.c.Do(t.Context(), q)
		require.NoError(t, err)
		f.c.store.Wait()
		f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, From: 10, To: 11, Saved: 11, Keys: []string{name}})
		_, current := f.c.Lookup("k", 0)
		require.Equal(t, name == "another's", current, name)
	}
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
