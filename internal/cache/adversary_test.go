package cache

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
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
	writers   = 6
	questions = 1_000 // of each reader, at least
	moves     = 2_000 // of the views meanwhile, at least: readers alone on the cores meet none
)

// subject is a cache under test, as it is in one process.
type subject interface {
	ask(t *testing.T, v *truth, q asked, least uint64) told
	hear(n wire.Notice)
	look(v *truth) // ask the database, of which v is what it holds
	promised(v *truth, place int) promise
}

// promises are those of the views that q is read from, and the position that all have.
func promises(s subject, v *truth, q asked) (of []promise, least uint64) {
	least = ^uint64(0)
	for _, place := range q.places {
		p := s.promised(v, place)
		of, least = append(of, p), min(least, p.position)
	}
	return of, least
}

// assail lets readers at a few hot keys of two views with slow loads while writers change
// them all the time, and counts the answers that were not what was promised: by the process
// that was asked, or by another one to the same reader.
func assail(t *testing.T, unreliable bool, subjects ...subject) (stale int64) {
	v, stop := newTruth(0, "v", "w"), make(chan struct{})
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
				q := asked{rand.IntN(hotKeys), compositions[rand.IntN(len(compositions))]}
				s := subjects[rand.IntN(len(subjects))]
				_, elsewhere := promises(subjects[rand.IntN(len(subjects))], v, q)
				promised, _ := promises(s, v, q)
				least := elsewhere * uint64(rand.IntN(2))
				if v.stale(q, s.ask(t, v, q, least), promised, least) {
					count.Add(1)
				}
				b.answered.Add(1)
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
	// memory counts the answers from there that it gave to ask, by their number of views.
	memory *[3]atomic.Int64
}

// newFloored reads the view "v" and others.
func newFloored(t testing.TB, others ...string) floored {
	cfg := Config{Logger: slog.New(slog.DiscardHandler)}
	for _, name := range append([]string{"v"}, others...) {
		cfg.Views = append(cfg.Views, &projections.View{Name: name, Version: 1, Reads: 1})
	}
	p := NewPositions(cfg)
	p.view("v").floors.apart("v", "v/1", "v/2", "v/3", "v/7", "v/group", "v/own", "v/told", "v/last", "v/another's")
	if len(others) > 0 {
		p.views[1].floors.apart(others[0], others[0]+"/1", others[0]+"/2")
	}
	for _, v := range p.views {
		p.take(v, []checkpoint{{View: v.Name, Version: 1, Build: 1, State: wire.ViewLive}}, time.Now())
	}
	c, err := New(p, 16<<20, telemetry.NewCache(prometheus.NewRegistry()))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return floored{p, c, new([3]atomic.Int64)}
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

func (f floored) promised(v *truth, place int) promise {
	name := v.views[place].name
	build := f.p.view(name).build.Load().Number
	return promise{f.p.Applied(name), build}
}

func (f floored) look(v *truth) {
	for place, w := range v.views {
		at, build := v.now(place)
		f.p.take(f.p.view(w.name), []checkpoint{{View: w.name, Version: 1, Build: build, Position: at, State: wire.ViewLive}}, time.Now())
	}
}

func (f floored) ask(t *testing.T, v *truth, q asked, least uint64) told {
	views, rows := q.of(v)
	var deps []string
	for i, row := range rows { // it takes a while to look at all of them, in which things change
		deps = append(append(deps, row), slices.Repeat([]string{views[i] + "/none"}, 200)...)
	}
	key := strings.Join(rows, "+")
	a, current := f.c.Lookup(key, least)
	if current {
		f.memory[len(views)].Add(1)
		return told{partsOf(a.Body), a.Position}
	}
	a, err := f.c.Do(context.Background(), Question{
		Key: key, Views: views, Deps: func() []string { return deps }, MinPosition: least,
		Load: func(context.Context) (a Answer, err error) {
			parts := v.slowly(q)
			for i, part := range parts {
				a.Body = part.append(a.Body)
				a.Checkpoints = append(a.Checkpoints, projections.Checkpoint{
					Build: projections.Build{View: views[i], Version: 1, Number: part.build}, Shards: []uint64{part.at},
				})
			}
			return a, absence(parts)
		},
	})
	if none, ok := errors.AsType[absent](err); ok {
		return told{parts: none.parts}
	}
	if err != nil {
		t.Error(err)
		return told{parts: make([]part, len(views))}
	}
	return told{partsOf(a.Body), a.Position}
}

// stood is the checkpoint of the one view's first build, by shard.
func stood(at ...uint64) []projections.Checkpoint {
	return []projections.Checkpoint{{Build: projections.Build{View: "v", Version: 1, Number: 1}, Shards: at}}
}

// deleting is what is usually done instead: an entry is deleted when its row
// changes.
type deleting struct {
	store *ristretto.Cache[string, []part]
	at    *[2]atomic.Uint64 // by view
}

func (d deleting) promised(_ *truth, place int) promise { return promise{d.at[place].Load(), 1} }

func (d deleting) look(*truth) {}

func (d deleting) hear(n wire.Notice) {
	for _, name := range n.Keys {
		_, key, _ := strings.Cut(name, "/")
		for _, key := range []string{name, "v/" + key + "+w/" + key, "w/" + key + "+v/" + key} {
			d.store.Del(key)
		}
	}
	raise(&d.at[strings.Index("vw", n.View)], n.To)
}

func (d deleting) ask(_ *testing.T, v *truth, q asked, _ uint64) told {
	_, rows := q.of(v)
	key := strings.Join(rows, "+")
	if parts, ok := d.store.Get(key); ok {
		return told{parts: parts}
	}
	parts := v.slowly(q)
	d.store.Set(key, parts, 8)
	return told{parts: parts}
}

// No answer is older than promised, by one process or by two, be notices lost or not; and in
// each round memory answers, of one view and of both.
func TestNoAnswerIsOlderThanPromised(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		processes  int
		unreliable bool
	}{{"with losses", 1, true}, {"two processes with losses", 2, true}, {"without losses", 1, false}} {
		var processes []floored
		var subjects []subject
		for range c.processes {
			f := newFloored(t, "w")
			processes, subjects = append(processes, f), append(subjects, f)
		}
		require.Zero(t, assail(t, c.unreliable, subjects...), c.name)
		for _, f := range processes {
			one, both := f.memory[1].Load(), f.memory[2].Load()
			require.NotZero(t, one, "%s: nothing of one view was ever answered from memory", c.name)
			require.NotZero(t, both, "%s: nothing of both views was ever answered from memory", c.name)
			t.Log(c.name, "memory answered", one, "of one view,", both, "of both")
		}
	}
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
	store, err := ristretto.NewCache(&ristretto.Config[string, []part]{
		NumCounters: 1000, MaxCost: 1 << 20, BufferItems: 64, IgnoreInternalCost: true,
	})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	var stale int64
	for range 50 { // a scheduler may keep readers and writers apart for a whole round
		if stale = assail(t, false, deleting{store, new([2]atomic.Uint64)}); stale > 0 {
			break
		}
	}
	require.NotZero(t, stale)
	t.Log(stale, "answers were older than promised")
}
