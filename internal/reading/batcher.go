package reading

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	groupsAtOnce = 2   // groups of a kind that are read at a time, once the first is late
	groupMost    = 200 // keys from which a group takes no more
	groupLate    = 20 * time.Millisecond
	groupLimit   = 6 * time.Second // less than a caller has who has waited for nothing yet
)

// MostAtOnce is how many keys a Batcher that has enough to do reads at a time.
const MostAtOnce = groupsAtOnce * groupMost

// errUnread is what a group has where its reading panicked, or asking whether it is due.
var errUnread = errors.New("reading: what was asked has not been read")

// Batcher reads by keys for all who ask at the same time. While one read is under way the
// next callers gather into a group, and share its queries and snapshot: a busy system reads
// in large groups, for which it waits a moment (company.go); a lone caller does not, but right behind
// many others. Where a read is late the next group does not wait for it, as what holds it up may be
// its connection's alone. Where groups take turns (NewTurnBatcher), there are several reads at a
// time, and who comes while there are fewer waits for nobody.
//
// What is read is shared by the group: callers pick out their own, and may not change it.
type Batcher[K, T any] struct {
	read   func(ctx context.Context, keys []K) (T, error)
	atOnce int               // reads at a time, of which none waits for another
	most   int               // keys from which a group takes no more
	share  func(a, b K) bool // whether what two callers ask for can be read together; nil where all can

	mu      sync.Mutex
	running []*time.Time // when each read under way began, the earliest first
	coming  int          // of those, that have yet to take a group
	waiting []*group[K, T]
	crowd   *crowd // whose company a group waits for; nil where groups take turns
}

// newBatcher makes one whose groups wait for each other, and for company.
func newBatcher[K, T any](read func(ctx context.Context, keys []K) (T, error)) *Batcher[K, T] {
	return &Batcher[K, T]{read: read, atOnce: 1, most: groupMost, crowd: &crowd{}}
}

// takesTurns tells whether groups take turns, and wait neither for each other nor for company.
func (b *Batcher[K, T]) takesTurns() bool { return b.crowd == nil }

// group is callers whose keys are read together.
type group[K, T any] struct {
	callers  []*caller[K]
	size     int           // keys, of all of them
	wanting  int           // callers that are read for
	late     *time.Timer   // for when the read before it takes too long
	complete chan struct{} // closed when it need not wait for company any more; nil where it does not
	refused  chan struct{} // closed before it is read, where callers are refused
	done     chan struct{} // closed when it has been read
	found    T
	err      error
}

// caller is one of a group. Its err is set before the group's refused is closed.
type caller[K any] struct {
	ctx  context.Context
	keys []K
	due  Due
	err  error
}

// Due is asked when what somebody waits for is about to be read, together with what others wait
// for, so many at a time with themselves. It fails where the answer would be of no use any more;
// nil never does.
type Due func(together int) error

// Ask reads the keys, and perhaps others with them, in a read that begins after the call.
// Where the read of a group fails, it reads its own keys alone: what was wrong may be
// another caller's. Where that read panicked, or asking one of the group, it does so, too:
// who panics in reading meets it there. Where due fails its keys are not read, and Ask fails as
// due did, without waiting for what is read for others, unless it reads that itself. For who has
// left by then nothing is read.
//
// The first caller runs the read itself and returns only when it ends (after groupLimit at
// most), even if its ctx was cancelled, unless that has a deadline before. The others return when
// their ctx is ended.
func (b *Batcher[K, T]) Ask(ctx context.Context, keys []K, due Due) (T, error) {
	me := &caller[K]{ctx: ctx, keys: keys, due: due}
	mine := b.join(me)
	if err := mine.wait(ctx, me); err != nil {
		var none T
		return none, err
	}
	if mine.err != nil && (mine.wanting > 1 || errors.Is(mine.err, errUnread)) {
		return b.read(ctx, keys)
	}
	return mine.found, mine.err
}

// wait waits until the group has been read, and fails where it is not read for this caller.
func (g *group[K, T]) wait(ctx context.Context, me *caller[K]) error {
	for refused := g.refused; ; refused = nil {
		select {
		case <-refused:
			if me.err != nil {
				return me.err
			}
		case <-g.done:
			return me.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// join puts a caller into a group that gathers, and reads it where that need not wait.
func (b *Batcher[K, T]) join(me *caller[K]) *group[K, T] {
	b.mu.Lock()
	mine := b.groupFor(me)
	mine.callers = append(mine.callers, me)
	mine.size += len(me.keys)
	b.came()
	var began *time.Time
	if mine.late == nil { // else its timer tells when it may be read, and nobody has to read the clock
		began = b.begin()
		if !b.takesTurns() && (began == nil || len(b.waiting) > 1) {
			mine.late = time.AfterFunc(b.untilLate(), b.hurry)
		}
	}
	b.mu.Unlock()
	if began != nil {
		b.lead(me.ctx, began)
	}
	return mine
}

// lead reads a group in the goroutine of the caller who has found that it need not wait: in another
// one, a lone read takes a fifth longer. Who may not have the time for it, having waited for
// something else, neither waits for its end nor cuts it short for the others.
func (b *Batcher[K, T]) lead(ctx context.Context, began *time.Time) {
	end, ends := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if ends && end.Sub(*began) < groupLimit {
		go b.run(ctx, began)
		return
	}
	b.run(ctx, began)
}

// groupFor is the first group that waits, has room for a caller and can share with them, or a new
// one. The lock is held.
func (b *Batcher[K, T]) groupFor(me *caller[K]) *group[K, T] {
	for _, g := range b.waiting {
		if g.size+len(me.keys) <= b.most && (b.share == nil || b.share(g.callers[0].keys[0], me.keys[0])) {
			return g
		}
	}
	g := &group[K, T]{refused: make(chan struct{}), done: make(chan struct{})}
	b.waiting = append(b.waiting, g)
	return g
}

// hurry reads the group that has waited longest, once the read before it is late.
// Where that is not late yet it looks again later: it may have begun while the group waited.
func (b *Batcher[K, T]) hurry() {
	b.mu.Lock()
	began := b.begin()
	if began == nil && len(b.waiting) > 0 && b.waiting[0].late != nil {
		b.waiting[0].late.Reset(groupLate)
	}
	b.mu.Unlock()
	if began != nil {
		b.run(context.Background(), began)
	}
}

// begin notes that one more read begins, and when; nil where none may, or each group that waits
// is about to be read. The lock is held.
func (b *Batcher[K, T]) begin() (began *time.Time) {
	now := time.Now()
	may := len(b.running) < b.atOnce || !b.takesTurns() && len(b.running) < groupsAtOnce && now.Sub(*b.running[0]) >= groupLate
	if len(b.waiting) <= b.coming || !may {
		return nil
	}
	b.running = append(b.running, &now)
	b.coming++
	return &now
}

// untilLate is for how long the latest read under way is not late yet: only then may one more
// begin, if it is the only one. The lock is held.
func (b *Batcher[K, T]) untilLate() time.Duration {
	return groupLate - time.Since(*b.running[len(b.running)-1])
}

// take is the group that has waited longest, and how many reads are under way with it.
func (b *Batcher[K, T]) take() (first *group[K, T], running int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.coming--
	first = b.waiting[0]
	b.waiting = b.waiting[1:]
	if first.late != nil {
		first.late.Stop()
	}
	if len(b.waiting) > 0 && b.waiting[0].late != nil {
		b.waiting[0].late.Reset(groupLate) // it may have gone off while this one was before it
	}
	return first, len(b.running)
}

// run reads a group to its end, even if all of its callers have left. The next group is
// read by another goroutine, so that the first caller can return. Before it reads, it lets
// others run who may be about to ask, which takes no time where there are none, and waits for
// company where many were about.
func (b *Batcher[K, T]) run(ctx context.Context, began *time.Time) {
	runtime.Gosched()
	b.gather()
	g, running := b.take()
	defer func() {
		_ = recover() // g.err tells, and nobody is above this to mend it
		b.mu.Lock()
		b.running = slices.DeleteFunc(b.running, func(t *time.Time) bool { return t == began })
		b.about(g)
		next := b.begin()
		b.mu.Unlock()
		close(g.done)
		if next != nil {
			go b.run(context.Background(), next) // without this ctx: one read may follow another for long
		}
	}()
	g.err = errUnread
	keys := g.wanted(b.takesTurns(), running)
	if g.wanting == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, groupLimit)
	defer cancel()
	g.found, g.err = b.read(ctx, keys)
}

// wanted are the keys of those callers who are still there and to whom an answer is still of use.
// Where groups take turns, as many are read for at a time as are wanted so far, in each of those
// that are running.
func (g *group[K, T]) wanted(takesTurns bool, running int) []K {
	keys := make([]K, 0, g.size)
	for _, c := range g.callers {
		together := len(g.callers)
		if takesTurns {
			together = (g.wanting + 1) * running
		}
		if c.err = c.ctx.Err(); c.err == nil && c.due != nil {
			c.err = c.due(together)
		}
		if c.err == nil {
			keys = append(keys, c.keys...)
			g.wanting++
		}
	}
	if g.wanting < len(g.callers) {
		close(g.refused)
	}
	return keys
}
