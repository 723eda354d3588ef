package cache

import (
	"context"
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"time"
)

// flight is a load under way, and whoever waits for it.
type flight struct {
	done  chan struct{}
	entry *entry // set before done is closed; nil where err does not follow from what was read
	err   error  // that something is not there is current, or not, as an answer is
	late  bool   // it was given up: the time of whoever began it was over
}

var (
	errPanicked    = errors.New("cache: the load panicked")
	errCheckpoints = errors.New("cache: an answer must carry one checkpoint for each view")
)

// miss answers by a load. A load that was under way when the question came may have read
// before what the client was promised: its answer is taken only if it turns out to be
// current. Else the question waits for, or begins, a second load. That one has begun after
// the question came, so its answer is always good. The same goes for what is not there. A load
// that was given up says nothing: whoever began it may have had less time left. Who has no more
// begins no other, which would be over at once: a crowd whose time ends together began one each.
func (c *Cache) miss(ctx context.Context, q Question) (Answer, error) {
	for later := false; ; later = true {
		c.mu.Lock()
		f := c.flights[q.Key]
		if f == nil {
			if e := *c.recently(q.Key); e != nil && e.question() == q.Key {
				if position, ok := e.current(c.positions, q.MinPosition); ok {
					c.mu.Unlock()
					c.metrics.Hits.Inc()
					return e.at(c, position), nil
				}
			}
			if err := q.room(); err != nil {
				c.mu.Unlock()
				return Answer{}, err
			}
			f = &flight{done: make(chan struct{}), err: errPanicked}
			c.flights[q.Key] = f
			c.mu.Unlock()
			c.metrics.Misses.Inc()
			c.fly(ctx, q, f)
			return f.landed(c, q.MinPosition)
		}
		c.mu.Unlock()

		select {
		case <-f.done:
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
		c.metrics.Joined.Inc()
		if f.late && ctx.Err() == nil && c.deadlines.over(ctx).Err() == nil {
			continue
		}
		if later || f.entry == nil {
			return f.landed(c, q.MinPosition)
		}
		if position, ok := f.entry.current(c.positions, q.MinPosition); ok {
			return f.answer(c, position)
		}
	}
}

func (q *Question) fleeting(err error) bool {
	return err != nil && q.Fleeting != nil && q.Fleeting(err)
}

func (q *Question) room() error {
	if q.Room == nil {
		return nil
	}
	return q.Room()
}

// recently is the place of a key among what was loaded last.
func (c *Cache) recently(key string) **entry {
	return &c.recent[maphash.String(c.seed, key)%recents]
}

// landed is the answer of a flight that has ended, or ErrBehind where it was read before
// the position least. That goes for errors too: "not found" as of an earlier position says
// nothing to a client who knows that something was created later.
func (f *flight) landed(c *Cache, least uint64) (Answer, error) {
	switch {
	case f.entry == nil:
		return Answer{}, f.err
	case f.entry.position < least:
		return Answer{}, ErrBehind
	}
	return f.answer(c, f.entry.position)
}

// answer is what was read, as current as the position. With an error it is what that depends on.
func (f *flight) answer(c *Cache, position uint64) (Answer, error) {
	a := f.entry.at(c, position)
	if f.err != nil {
		return Answer{Deps: a.Deps}, f.err
	}
	return a, nil
}

// fly runs the load to its end, or to that of its client's time, whether or not they stay.
func (c *Cache) fly(ctx context.Context, q Question, f *flight) {
	ctx = c.deadlines.over(ctx)
	defer func() {
		c.mu.Lock()
		delete(c.flights, q.Key)
		if f.err == nil && f.entry.size.Load() <= c.small {
			*c.recently(q.Key) = f.entry
		}
		c.mu.Unlock()
		close(f.done)
	}()
	e := &entry{generation: c.positions.generation.Load()}
	var few [4]baseline
	before := c.before(q, few[:0])
	answer, err := q.Load(ctx)
	read := len(answer.Checkpoints) == len(q.Views)
	if err == nil && !read {
		err = errCheckpoints
	}
	f.err, f.late = err, err != nil && ctx.Err() != nil
	if !read {
		return
	}
	var from [4]source
	e.write(q.Key, answer, sources(answer.Checkpoints, before, from[:0]), q.names(answer))
	// Spread, so that what was loaded together is not loaded again together.
	e.ends = int64(time.Since(began) + ttl - rand.N(ttl/5))
	f.entry = e
	if fallen(answer.Checkpoints, before) || q.fleeting(err) {
		e.generation = never // it is given to those who wait for it, and not kept
	}
	if !sameBuilds(answer.Checkpoints, before) {
		// The floors known here are another build's.
		e.generation = never
		c.positions.suspect.Store(true)
	}
	if _, ok := e.current(c.positions, 0); ok && err == nil {
		c.keep(e)
	}
}

// names are all names that an answer depends on.
func (q *Question) names(a Answer) (names []string) {
	if q.Deps != nil {
		names = q.Deps()
	}
	return append(names[:len(names):len(names)], a.Deps.List()...)
}

// load answers a Volatile question. Nothing is kept or shared: whoever asks next has it
// loaded anew.
func (c *Cache) load(ctx context.Context, q Question) (Answer, error) {
	before := c.before(q, make([]baseline, 0, len(q.Views)))
	answer, err := q.Load(ctx)
	if len(answer.Checkpoints) == len(q.Views) { // which an error may have, too
		if answer.Position = stands(answer.Checkpoints, before); answer.Position < q.MinPosition {
			return Answer{}, ErrBehind
		}
	}
	return answer, err
}

// before appends what is known, before the load, of the views that q is read from.
func (c *Cache) before(q Question, before []baseline) []baseline {
	for _, name := range q.Views {
		before = append(before, c.positions.view(name).baseline())
	}
	return before
}
