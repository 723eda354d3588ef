package cache

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"sical-backend/internal/telemetry"
	"sical-backend/projections"
)

// ErrBehind is returned where the database answered from before a position that it had shown
// already, as it was restored, or is a replica that lags; or is known to lack the position.
var ErrBehind = errors.New("cache: the database is behind the position asked for")

// Question is what can be answered from the cache.
type Question struct {
	Key   string   // says which answer; of everything it depends on, the client's rights included
	Views []string // that it is read from, at least one, each once
	// Deps gives the names whose change changes the answer: rows by their
	// RowName, groups, or a view's name for any change in it. Each begins with the name of
	// one of Views, as RowName and groups do: an answer that depends on others is given, and
	// not kept. It is called by a load alone; nil for none.
	Deps func() []string
	// Volatile answers change without any event: each is loaded, and none kept.
	Volatile bool
	// MinPosition is the position that the answer must have; whoever asks has waited for
	// it by Positions.Wait. 0 for any.
	MinPosition uint64
	// Fleeting tells of an error that follows from what was read whether it may be over already:
	// who came while the load was under way has another one. nil for never.
	Fleeting func(error) bool
	// Room fails where nothing can be loaded just now. It is asked before a load is begun,
	// and only where there is neither an answer nor a load under way. nil for always.
	Room func() error
	// Load reads and renders the answer, all of it in one snapshot begun after
	// the call. Its context does not end with the client, as others may wait for the answer,
	// but by the deadline of whoever began it, or when it takes too long. Where an
	// error follows from what was read, as "not found" does, the Answer's Checkpoints say
	// as of when; whoever needs a later position is given ErrBehind instead. Its Deps are
	// returned with the error.
	Load func(context.Context) (Answer, error)
}

// Answer is a rendered answer. It is shared: nobody may write to what it holds.
type Answer struct {
	Body []byte // a load gives it away with what lies behind it, up to its capacity
	ETag string // holds all of the answer, as Deps do: who keeps it for long should clone it
	// Deps are further names it depends on, which only loading could tell.
	Deps Names
	// Checkpoints are the builds of the Question's Views, in their order, and how
	// far they were in the rows' own snapshot.
	Checkpoints []projections.Checkpoint
	// Position is how far the answer is known to be current, the least over the
	// views. Do sets it.
	Position uint64

	entry *entry // that it is kept in
	cache *Cache // that keeps it
}

const (
	ttl      = 10 * time.Minute // the last net, should all else be wrong
	overhead = 224              // bytes of an entry beside its texts, ristretto's own included, about
	typical  = 1536             // bytes of an entry, for sizing the admission counters

	overheadForm = 64 // bytes of a form beside its strings
)

// Cache answers questions from memory, or once for all who ask the same.
type Cache struct {
	positions *Positions
	metrics   *telemetry.Cache
	store     *ristretto.Cache[string, *entry]
	keeping   sync.RWMutex // held for writing while the store is emptied or closed
	putting   sync.Mutex   // held while an entry takes its place, beside keeping and no other lock

	deadlines loadDeadlines

	mu      sync.Mutex
	flights map[string]*flight
	// recent holds what was loaded last, by a hash of its key, until ristretto
	// has stored it: it does so a little later, or not at all.
	recent [recents]*entry
	seed   maphash.Seed // of that hash
	small  int64        // bytes that one of recent has at most
}

const (
	recents = 64
	// recentBytes is what the recent entries may take of the capacity, all of them together:
	// 64 KiB each. A load that gives more takes so long that waiting until ristretto has
	// stored it is nothing beside it, so a larger one needs no place here. A small capacity
	// gives no more than a sixteenth.
	recentBytes = recents * 64 << 10
)

// New returns a cache of at most maxBytes of answers, cleared whenever someone
// is erased. It must be made before positions Run, and be closed.
func New(positions *Positions, maxBytes int64, metrics *telemetry.Cache) (*Cache, error) {
	small := min(recentBytes, maxBytes/16) / recents
	store, err := ristretto.NewCache(&ristretto.Config[string, *entry]{
		NumCounters: max(10*maxBytes/typical, 1000),
		MaxCost:     maxBytes - small*recents,
		BufferItems: 64,
		// The costs are bytes that count the overhead already.
		IgnoreInternalCost: true,
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	c := &Cache{positions: positions, metrics: metrics, store: store, flights: map[string]*flight{}, seed: maphash.MakeSeed(), small: small}
	positions.OnForget(c.Clear)
	return c, nil
}

// Lookup is the answer to the question with the key, where the cache has one that is
// current and has the position least; 0 for any.
func (c *Cache) Lookup(key string, least uint64) (answer Answer, current bool) {
	answer, _, current = c.lookup(key, least)
	return answer, current
}

// lookup is Lookup; kept tells whether there is an answer at all, be it current or not.
func (c *Cache) lookup(key string, least uint64) (answer Answer, kept, current bool) {
	e, ok := c.store.Get(key)
	if !ok || e.question() != key {
		return Answer{}, false, false
	}
	position, ok := e.current(c.positions, least)
	if !ok {
		return Answer{}, true, false
	}
	c.metrics.Hits.Inc()
	return e.at(c, position), true, true
}

// Do answers q from the cache, or by q.Load, or by another's load under way. It
// returns the error of q.Room, which what is Volatile is not asked, of the load or of ctx,
// or ErrBehind.
func (c *Cache) Do(ctx context.Context, q Question) (Answer, error) {
	if q.Volatile {
		return c.load(ctx, q)
	}
	answer, kept, current := c.lookup(q.Key, q.MinPosition)
	if current {
		return answer, nil
	}
	if kept {
		c.metrics.Outdated.Inc()
	}
	return c.miss(ctx, q)
}

// Clear forgets every answer, also those that are being loaded.
func (c *Cache) Clear() {
	c.positions.generation.Add(1)
	// Without the lock an answer of the generation before could be stored after this.
	c.keeping.Lock()
	defer c.keeping.Unlock()
	c.store.Clear()
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.recent[:])
}

// keep stores an entry. Ristretto may drop it, or store it late; then the answer is loaded
// again. One that is too large to be among the recent ones is stored when keep returns: a herd
// that comes behind its load finds it.
func (c *Cache) keep(e *entry) {
	c.keeping.RLock()
	defer c.keeping.RUnlock()
	if c.put(e) {
		c.store.Wait()
	}
}

// put has an entry take its place, and tells whether it is too large to be among the recent ones.
// Who adds a form puts it again afterwards, and one does so behind the other: so what is counted
// in the end is all of it.
func (c *Cache) put(e *entry) (large bool) {
	c.putting.Lock()
	defer c.putting.Unlock()
	if e.generation != c.positions.generation.Load() {
		return false
	}
	key, size := e.question(), e.size.Load()
	// Ristretto makes room only for what is new to it: with a larger one in the place of an answer
	// that is outdated it would be beyond its capacity until another key comes. And of two that it
	// has yet to store it would keep the first, at the cost of the second.
	c.store.Del(key)
	// The entry itself knows when it ends: ristretto would keep a second map for that.
	return size <= c.store.MaxCost() && c.store.Set(key, e, size) && size > c.small
}

// Bytes is how much the kept answers take, without those that are recent and not stored.
func (c *Cache) Bytes() int64 { return c.store.MaxCost() - c.store.RemainingCost() }

// Close ends the cache's goroutines. Do must not be called any more.
func (c *Cache) Close() {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	c.store.Close()
}
