package reading

import "time"

// In a busy system a group waits a moment for company: whoever has just been answered often asks
// again, and would come while the others are read already. Two halves of a crowd take turns then, and
// what a group costs is shared by half as many. Postgres can wait so before it flushes commits
// (commit_delay, and commit_siblings, below which nobody waits).
const (
	companyFrom    = 8                    // callers about, from which a group waits for those who are missing
	companyMost    = 64                   // keys, from which there is next to nothing left to be shared
	companyWait    = 2 * time.Millisecond // after the read before, or after who came first behind it
	companyStep    = time.Millisecond     // and one more for as long as companyFrom callers came in the last
	companyLongest = 8 * time.Millisecond // after the read before, at most
)

// crowd is who was about when a read ended.
type crowd struct {
	callers int // that it was for, and that waited
	at      time.Time
}

// about notes who is about when a group has been read. The lock is held.
func (b *Batcher[K, T]) about(read *group[K, T]) {
	if b.takesTurns() {
		return
	}
	*b.crowd = crowd{read.wanting, time.Now()}
	for _, g := range b.waiting {
		b.crowd.callers += len(g.callers)
	}
}

// gather waits until as many callers have come as were about when the last read ended, while
// they are still coming: where processors are slow, it takes them longer to be answered, and even
// the first may come later than companyWait.
func (b *Batcher[K, T]) gather() {
	complete, came, end := b.company()
	wait := companyWait
	for left := time.Until(end); left > 0; left = time.Until(end) {
		late := time.NewTimer(min(wait, left))
		select {
		case <-complete:
			late.Stop()
			return
		case <-late.C:
		}
		before := came
		if came = b.callers(); came-before < companyFrom {
			return
		}
		wait = companyStep
	}
}

// company is how many callers the group that is about to be read has, and until when it may wait
// for more, the zero time where it does not; complete is closed when it need not any more.
func (b *Batcher[K, T]) company() (complete <-chan struct{}, came int, end time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.takesTurns() || b.crowd.callers < companyFrom || b.hasCompany() {
		return nil, 0, time.Time{}
	}
	first := b.waiting[0]
	first.complete = make(chan struct{})
	return first.complete, len(first.callers), b.crowd.at.Add(companyLongest)
}

// callers is how many the group that is about to be read has.
func (b *Batcher[K, T]) callers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting[0].callers)
}

// came tells the group that is about to be read that somebody has come. The lock is held.
func (b *Batcher[K, T]) came() {
	if g := b.waiting[0]; g.complete != nil && b.hasCompany() {
		close(g.complete)
		g.complete = nil
	}
}

// hasCompany tells whether the first group has all who were about, or enough, or no room for more.
// The lock is held.
func (b *Batcher[K, T]) hasCompany() bool {
	if len(b.waiting) != 1 {
		return true
	}
	return len(b.waiting[0].callers) >= b.crowd.callers || b.waiting[0].size >= companyMost
}
