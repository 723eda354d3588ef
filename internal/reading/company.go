package reading

import "time"

// In a busy system a group waits a moment for company: whoever has just been answered often asks
// again, and would come while the others are read already. Two halves of a crowd take turns then, and
// bear what a group costs by half as many. Postgres does so before it flushes commits
// (commit_delay, and commit_siblings, below which nobody waits).
const (
	companyFrom = 8                    // callers about, from which a group waits for those who are missing
	companyMost = 64                   // keys, from which there is next to nothing left to be shared
	companyWait = 2 * time.Millisecond // after the read before, at most
)

// crowd is who was about when a read ended.
type crowd struct {
	callers int // that it was for, and that waited
	at      time.Time
}

// about notes who is about when a group has been read. The lock is held.
func (b *Batcher[K, T]) about(read *group[K, T]) {
	b.crowd = crowd{len(read.callers), time.Now()}
	for _, g := range b.waiting {
		b.crowd.callers += len(g.callers)
	}
}

// gather waits until as many callers have come as were about when the last read ended, while
// they may still be coming.
func (b *Batcher[K, T]) gather() {
	complete, left := b.company()
	if left <= 0 {
		return
	}
	late := time.NewTimer(left)
	defer late.Stop()
	select {
	case <-complete:
	case <-late.C:
	}
}

// company is closed when the group that is about to be read need not wait any more; left is how
// long it may, 0 for not at all.
func (b *Batcher[K, T]) company() (complete <-chan struct{}, left time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left = time.Until(b.crowd.at.Add(companyWait))
	if b.crowd.callers < companyFrom || left <= 0 || len(b.waiting) != 1 {
		return nil, 0
	}
	g := b.waiting[0]
	if g.expects = b.crowd.callers; g.isComplete() {
		return nil, 0
	}
	g.complete = make(chan struct{})
	return g.complete, left
}

// isComplete tells whether the group has all whom it waits for, or enough.
func (g *group[K, T]) isComplete() bool {
	return len(g.callers) >= g.expects || g.size >= companyMost
}

// came tells the group that is about to be read that somebody has come, perhaps into the group
// behind it. The lock is held.
func (b *Batcher[K, T]) came() {
	if g := b.waiting[0]; g.complete != nil && (g.isComplete() || len(b.waiting) > 1) {
		close(g.complete)
		g.complete = nil
	}
}
