package cache

import (
	"context"
	"encoding/binary"
	"hash/maphash"
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
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

const (
	hotKeys   = 6
	writers   = 6
	questions = 1_000 // of each reader, at least
	moves     = 2_000 // of the view meanwhile, at least: readers alone on the cores meet none
)

// truth is a view whose rows are the positions of their last change.
type truth struct {
	mu      sync.RWMutex
	moves   int // changes there were
	at      uint64
	build   int               // that is read
	epoch   int64             // of the owner
	changes [hotKeys][]uint64 // of each row, rising
}

// change moves the view on, as one commit of a projector does.
func (v *truth) change(r *rand.Rand) (n wire.Notice) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n = wire.Notice{View: "v", Version: 1, Build: v.build, Epoch: v.epoch, From: v.at}
	v.at += 1 + r.Uint64N(3)
	v.moves++
	for k := range hotKeys {
		if r.IntN(3) == 0 {
			n.Keys = append(n.Keys, rowName(k))
			v.changes[k] = append(v.changes[k], v.at)
		}
	}
	n.To, n.Saved = v.at, v.at
	return n
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

func (v *truth) now() (at uint64, build int) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.at, v.build
}

func (v *truth) moved() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.moves
}

// flip has the next build read.
func (v *truth) flip() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.build++
}

// pass has another owner go on.
func (v *truth) pass() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.epoch++
}

// told is a row with how current it is.
type told struct {
	row, position uint64
	build         int // that it was read from
}

// slowly reads a row of the present and takes its time to hand it over, long
// enough for changes and flips to overtake it.
func (v *truth) slowly(key int) told {
	at, build := v.now()
	row := v.row(key, at)
	for range rand.IntN(100) {
		runtime.Gosched()
	}
	return told{row, at, build}
}

// subject is a cache under test, as it is in one process.
type subject interface {
	ask(t *testing.T, v *truth, key int, least uint64) told
	hear(n wire.Notice)
	look(v *truth)                          // ask the database, of which v is what it holds
	promised() (position uint64, build int) // how far the cache says it knows the view, and of which build
}

// assail lets readers at a few hot keys with slow loads while writers change them all
// the time, and counts the answers that were older than promised: by the process that was
// asked, or by another one to the same reader.
func assail(t *testing.T, unreliable bool, subjects ...subject) (stale int64) {
	v, stop := &truth{build: 1, epoch: 1}, make(chan struct{})
	b := newBus(v, unreliable, subjects)
	var writing, listening, readers sync.WaitGroup
	for n := range writers {
		writing.Go(func() { b.write(rand.New(rand.NewPCG(3, uint64(n))), stop) })
	}
	for _, w := range b.wires {
		listening.Go(w.listen)
	}
	var count atomic.Int64
	for range 8 {
		readers.Go(func() {
			for n := 0; n < questions || v.moved() < moves; n++ {
				key, s := rand.IntN(hotKeys), subjects[rand.IntN(len(subjects))]
				elsewhere, _ := subjects[rand.IntN(len(subjects))].promised()
				promised, build := s.promised()
				least := elsewhere * uint64(rand.IntN(2))
				a := s.ask(t, v, key, least)
				if a.row < v.row(key, max(promised, least)) || a.row < v.row(key, a.position) || a.build < build {
					count.Add(1)
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writing.Wait()
	for _, w := range b.wires {
		close(w.notices)
	}
	listening.Wait()
	return count.Load()
}

// floored is the cache of this package.
type floored struct {
	p *Positions
	c *Cache
}

func newFloored(t testing.TB) floored {
	p := NewPositions(Config{Views: []View{{Name: "v", Version: 1}}, Logger: slog.New(slog.DiscardHandler)})
	p.floors.apart("v", "v/1", "v/2", "v/3", "v/7", "group", "own", "told", "last", "another's")
	p.take(p.view("v"), []checkpoint{{View: "v", Version: 1, Build: 1, State: wire.ViewLive}}, time.Now())
	c, err := New(p, 16<<20, telemetry.NewCache(prometheus.NewRegistry()))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return floored{p, c}
}

// apart gives names a floor each: two that share one by chance cost a needless miss, which
// is none of what the tests look for.
func (f *floors) apart(names ...string) {
	for taken := map[uint16]bool{}; len(taken) < len(names); {
		clear(taken)
		f.seed = maphash.MakeSeed()
		for _, name := range names {
			taken[f.slot(name)] = true
		}
	}
}

func (f floored) hear(n wire.Notice) { f.p.hear(n, time.Now()) }

func (f floored) promised() (position uint64, build int) {
	build = f.p.view("v").build.Load().Number
	return f.p.Applied("v"), build
}

func (f floored) look(v *truth) {
	at, build := v.now()
	f.p.take(f.p.view("v"), []checkpoint{{View: "v", Version: 1, Build: build, Position: at, State: wire.ViewLive}}, time.Now())
}

func (f floored) ask(t *testing.T, v *truth, key int, least uint64) told {
	name := rowName(key)
	deps := make([]string, 200) // it takes a while to look at all of them, in which things change
	deps[0] = name
	a, err := f.c.Do(context.Background(), Question{
		Key: name, Views: []string{"v"}, Deps: func() []string { return deps }, MinPosition: least,
		Load: func(context.Context) (Answer, error) {
			read := v.slowly(key)
			checkpoints := stood(read.position)
			checkpoints[0].Build.Number = read.build
			return Answer{Body: binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, read.row), uint64(read.build)), Checkpoints: checkpoints}, nil
		},
	})
	if err != nil {
		t.Error(err)
		return told{}
	}
	return told{binary.BigEndian.Uint64(a.Body), a.Position, int(binary.BigEndian.Uint64(a.Body[8:]))}
}

// stood is the checkpoint of the one view's first build, by shard.
func stood(at ...uint64) []projections.Checkpoint {
	return []projections.Checkpoint{{Build: projections.Build{View: "v", Version: 1, Number: 1}, Shards: at}}
}

// deleting is what is usually done instead: an entry is deleted when its row
// changes.
type deleting struct {
	store *ristretto.Cache[string, uint64]
	at    *atomic.Uint64
}

func (d deleting) promised() (position uint64, build int) { return d.at.Load(), 1 }

func (d deleting) look(*truth) {}

func (d deleting) hear(n wire.Notice) {
	for _, k := range n.Keys {
		d.store.Del(k)
	}
	raise(d.at, n.To)
}

func (d deleting) ask(_ *testing.T, v *truth, key int, _ uint64) told {
	name := rowName(key)
	if row, ok := d.store.Get(name); ok {
		return told{row: row, build: 1}
	}
	read := v.slowly(key)
	d.store.Set(name, read.row, 8)
	return told{row: read.row, build: 1}
}

func TestNoAnswerIsOlderThanPromised(t *testing.T) {
	t.Parallel()
	require.Zero(t, assail(t, true, newFloored(t)))
	require.Zero(t, assail(t, true, newFloored(t), newFloored(t)), "two processes")
	f := newFloored(t)
	hits := &tally{Counter: f.c.metrics.Hits}
	f.c.metrics.Hits = hits
	require.Zero(t, assail(t, false, f))
	require.NotZero(t, hits.n.Load(), "nothing was ever answered from memory")
	t.Log(hits.n.Load(), "answers came from memory")
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
	var stale int64
	for range 50 { // a scheduler may keep readers and writers apart for a whole round
		if stale = assail(t, false, deleting{store, new(atomic.Uint64)}); stale > 0 {
			break
		}
	}
	require.NotZero(t, stale)
	t.Log(stale, "answers were older than promised")
}

// rowName is what projections.View.RowName makes for the view "v".
func rowName(key int) string { return "v/" + strconv.Itoa(key) }
