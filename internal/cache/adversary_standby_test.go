package cache

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
)

const (
	shardsOfStandby = 3
	lagOfStandby    = 8 // commits that a read may miss, at most
)

// standby is a view of several shards that is read from a server which lags: a read sees
// the rows and the checkpoints of some commits ago. Rows are the positions of their last
// change, and stand in the shard of their number.
type standby struct {
	mu      sync.RWMutex
	head    uint64                    // of the log
	applied [shardsOfStandby]uint64   // what each shard has folded
	saved   [][shardsOfStandby]uint64 // its checkpoints, as each commit left them
	changes [hotKeys][]uint64         // of each row, rising
	pending [shardsOfStandby][]int    // rows with changes that their shard has not folded yet
}

// happen appends an event, of a row or of no concern to the view.
func (s *standby) happen(r *rand.Rand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head++
	if key := r.IntN(3 * hotKeys); key < hotKeys {
		s.changes[key] = append(s.changes[key], s.head)
		s.pending[key%shardsOfStandby] = append(s.pending[key%shardsOfStandby], key)
	}
}

// fold has a shard come to the log's end. Over events of no concern its checkpoint trails
// more often than not.
func (s *standby) fold(r *rand.Rand) wire.Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	shard := r.IntN(shardsOfStandby)
	n := wire.Notice{View: "v", Version: 1, Build: 1, Shard: shard, Epoch: 1, From: s.applied[shard], To: s.head}
	for _, key := range s.pending[shard] {
		n.Keys = append(n.Keys, rowName(key))
	}
	saved := s.saved[len(s.saved)-1]
	if len(n.Keys) > 0 || r.IntN(4) == 0 {
		saved[shard] = s.head
	}
	s.applied[shard], s.pending[shard] = s.head, nil
	s.saved = append(s.saved, saved)
	n.Saved = saved[shard]
	return n
}

// row is the last change of a row up to a position.
func (s *standby) row(key int, at uint64) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rowThen(key, at)
}

func (s *standby) rowThen(key int, at uint64) uint64 {
	list := s.changes[key]
	if n := sort.Search(len(list), func(i int) bool { return list[i] > at }); n > 0 {
		return list[n-1]
	}
	return 0
}

// read is a row with the checkpoints, as of one moment of late.
func (s *standby) read(key int) Answer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	last := len(s.saved) - 1
	saved := s.saved[max(0, last-rand.IntN(lagOfStandby))]
	return Answer{Body: binary.BigEndian.AppendUint64(nil, s.rowThen(key, saved[key%shardsOfStandby])), Checkpoints: stood(saved[:]...)}
}

func (s *standby) folds() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.saved)
}

// Whatever a standby has not received yet, no answer lacks an event up to the position
// that it is said to have, or that was asked for.
func TestNoAnswerOfAStandbyIsOlderThanItSays(t *testing.T) {
	t.Parallel()
	f := newFloored(t)
	hits := &tally{Counter: f.c.metrics.Hits}
	f.c.metrics.Hits = hits
	s := &standby{saved: make([][shardsOfStandby]uint64, 1)}
	at := checkpoint{View: "v", Version: 1, Build: 1, State: wire.ViewLive, Epoch: 1}
	f.p.take(f.p.view("v"), []checkpoint{at, at, at}, time.Now())

	stop := make(chan struct{})
	var writing, readers sync.WaitGroup
	writing.Go(func() {
		for r := rand.New(rand.NewPCG(7, 7)); ; {
			select {
			case <-stop:
				return
			default:
				s.happen(r)
				f.hear(s.fold(r))
			}
		}
	})
	var behind atomic.Int64
	// Alone on a core all may be over before the standby lags once: then readers ask on.
	unmet := func() bool { return behind.Load() == 0 || hits.n.Load() == 0 }
	for range 4 {
		readers.Go(func() {
			for n := 0; n < questions || s.folds() < moves || unmet() && n < 1000*questions; n++ {
				key := rand.IntN(hotKeys)
				name, least := rowName(key), f.p.Applied("v")*uint64(rand.IntN(2))
				a, err := f.c.Do(context.Background(), Question{
					Key: name, Views: []string{"v"}, Deps: func() []string { return []string{name} }, MinPosition: least,
					Load: func(context.Context) (Answer, error) { return s.read(key), nil },
				})
				switch {
				case errors.Is(err, ErrBehind):
					behind.Add(1)
				case err != nil:
					t.Error(err)
				case a.Position < least:
					t.Errorf("at %d, asked for %d", a.Position, least)
				default:
					if row, told := s.row(key, a.Position), binary.BigEndian.Uint64(a.Body); told < row {
						t.Errorf("row %d of %d at position %d, where it was %d", key, told, a.Position, row)
					}
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writing.Wait()
	require.NotZero(t, behind.Load(), "the standby never lagged")
	require.NotZero(t, hits.n.Load(), "nothing was ever answered from memory")
}
