package cache

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
	"sical-backend/projections"
)

const hotKeys = 6

// truth is a view whose rows are the positions of their last change.
type truth struct {
	mu      sync.RWMutex
	at      uint64
	changes [hotKeys][]uint64 // of each row, rising
}

// change moves the view on, as one commit of a projector does.
func (v *truth) change(r *rand.Rand) (from, to uint64, keys []int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	from = v.at
	v.at += 1 + r.Uint64N(3)
	for k := range hotKeys {
		if r.IntN(3) == 0 {
			keys = append(keys, k)
			v.changes[k] = append(v.changes[k], v.at)
		}
	}
	return from, v.at, keys
}

// row reads a row as it was at a position.
func (v *truth) row(key int, at uint64) uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	list := v.changes[key]
	n := sort.Search(len(list), func(i int) bool { return list[i] > at })
	if n == 0 {
		return 0
	}
	return list[n-1]
}

func (v *truth) now() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.at
}

// slowly reads a row of the present and takes its time to hand it over, long
// enough for changes to overtake it.
func (v *truth) slowly(key int) (row, at uint64) {
	at = v.now()
	row = v.row(key, at)
	for range rand.IntN(100) {
		runtime.Gosched()
	}
	return row, at
}

// subject is a cache under test.
type subject interface {
	ask(t *testing.T, v *truth, key int, least uint64) (row, position uint64)
	hear(n Notice)
	promised() uint64 // how far the cache says it knows the view
}

// assail lets readers at a few hot keys with slow loads while they change all
// the time, and counts the answers that were older than promised.
func assail(t *testing.T, s subject, unreliable bool) (stale int64) {
	v, stop := &truth{}, make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Go(func() { broadcast(v, s, unreliable, stop) })
	var count atomic.Int64
	for range 8 {
		readers.Go(func() {
			for range 10_000 {
				key := rand.IntN(hotKeys)
				promised := s.promised()
				row, position := s.ask(t, v, key, promised*uint64(rand.IntN(2)))
				if row < v.row(key, promised) || row < v.row(key, position) {
					count.Add(1)
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
	return count.Load()
}

// broadcast changes the view and tells of it; where it is unreliable some
// notices are lost, some come late, some twice, and owners change.
func broadcast(v *truth, s subject, unreliable bool, stop <-chan struct{}) {
	r := rand.New(rand.NewPCG(3, 4))
	epoch, late := int64(1), []Notice(nil)
	for {
		select {
		case <-stop:
			return
		default:
		}
		from, to, keys := v.change(r)
		n := Notice{View: "v", Version: 1, Build: 1, Epoch: epoch, From: from, To: to, Saved: to}
		for _, k := range keys {
			n.Keys = append(n.Keys, RowName("v", strconv.Itoa(k)))
		}
		switch pick := r.IntN(20); {
		case !unreliable || pick < 14:
			s.hear(n)
		case pick == 14: // lost
		case pick == 15:
			s.hear(n)
			s.hear(n)
		case pick == 16:
			epoch++
			n.Epoch = epoch
			s.hear(n)
		default:
			late = append(late, n)
		}
		if len(late) > 3 {
			for _, i := range r.Perm(len(late)) {
				s.hear(late[i])
			}
			late = nil
		}
		runtime.Gosched()
	}
}

// floored is the cache of this package.
type floored struct {
	p *Positions
	c *Cache
}

func newFloored(t testing.TB) floored {
	p := NewPositions(Config{Views: []View{{Name: "v", Version: 1}}, Logger: slog.New(slog.DiscardHandler)})
	p.take(p.view("v"), []checkpoint{{View: "v", Version: 1, Build: 1, State: Live}}, time.Now())
	c, err := New(p, 16<<20, telemetry.NewCache(prometheus.NewRegistry()))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return floored{p, c}
}

func (f floored) hear(n Notice)    { f.p.hear(n, time.Now()) }
func (f floored) promised() uint64 { return f.p.Applied("v") }

func (f floored) ask(t *testing.T, v *truth, key int, least uint64) (row, position uint64) {
	name := RowName("v", strconv.Itoa(key))
	deps := make([]string, 200) // it takes a while to look at all of them, in which things change
	deps[0] = name
	a, err := f.c.Do(context.Background(), Question{
		Key: name, Views: []string{"v"}, Deps: func() []string { return deps }, MinPosition: least,
		Load: func(context.Context) (Answer, error) {
			row, at := v.slowly(key)
			return Answer{Body: binary.BigEndian.AppendUint64(nil, row), Checkpoints: stood(at)}, nil
		},
	})
	if err != nil {
		t.Error(err)
		return 0, 0
	}
	return binary.BigEndian.Uint64(a.Body), a.Position
}

// stood is the checkpoint of the one view's first build.
func stood(at uint64) []projections.Checkpoint {
	return []projections.Checkpoint{{Build: projections.Build{View: "v", Version: 1, Number: 1}, Position: at}}
}

// deleting is what is usually done instead: an entry is deleted when its row
// changes.
type deleting struct {
	store *ristretto.Cache[string, uint64]
	at    *atomic.Uint64
}

func (d deleting) promised() uint64 { return d.at.Load() }

func (d deleting) hear(n Notice) {
	for _, k := range n.Keys {
		d.store.Del(k)
	}
	raise(d.at, n.To)
}

func (d deleting) ask(_ *testing.T, v *truth, key int, _ uint64) (row, position uint64) {
	name := RowName("v", strconv.Itoa(key))
	if row, ok := d.store.Get(name); ok {
		return row, 0
	}
	row, _ = v.slowly(key)
	d.store.Set(name, row, 8)
	return row, 0
}

func TestNoAnswerIsOlderThanPromised(t *testing.T) {
	t.Parallel()
	f := newFloored(t)
	require.Zero(t, assail(t, f, true))
	f = newFloored(t)
	hits := &tally{Counter: f.c.metrics.Hits}
	f.c.metrics.Hits = hits
	require.Zero(t, assail(t, f, false))
	require.NotZero(t, hits.n.Load(), "nothing was ever answered from memory")
	t.Log(hits.n.Load(), "hits of 80000")
}

// tally is a counter that can be read.
type tally struct {
	prometheus.Counter
	n atomic.Int64
}

func (t *tally) Inc() { t.n.Add(1) }

// The harness must be able to see what it looks for.
func TestDeletingOnChangeGivesOldAnswers(t *testing.T) {
	t.Parallel()
	store, err := ristretto.NewCache(&ristretto.Config[string, uint64]{
		NumCounters: 1000, MaxCost: 1 << 20, BufferItems: 64, IgnoreInternalCost: true,
	})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	stale := assail(t, deleting{store, new(atomic.Uint64)}, false)
	require.NotZero(t, stale)
	t.Log(stale, "of 80000 answers were older than promised")
}
