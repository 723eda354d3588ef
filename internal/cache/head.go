package cache

import (
	"context"
	"slices"
	"sync"
	"time"

	"sical-backend/internal/outage"
)

// MaxWait is how long anybody may wait for a position, and so how long the log may take to
// say where it ends.
const MaxWait = 5 * time.Second

// heads asks where the log ends: one question at a time, each for everybody who had come by
// the time it was sent, as an answer that is under way may be of before.
type heads struct {
	mu   sync.Mutex
	next *headQuestion // that is not sent yet, nil where nobody waits for one
	turn chan struct{} // holds a token while one is under way
	log  outage.Log    // of questions that fail; whoever has the turn uses it
}

// headQuestion is one question and what came of it.
type headQuestion struct {
	most   uint64        // the highest position that somebody waits for
	done   chan struct{} // closed when it is answered
	head   uint64        // the answer, 0 where nobody had to be asked, or there was none
	beyond bool          // whether it is known that no waiting helps to positions beyond it
}

// awaitHead fails where the log has not reached the position, asking it only where nothing
// heard so far proves that it has. Where it gives no answer, the views are waited for alone: they
// may be told of the position meanwhile.
func (p *Positions) awaitHead(ctx context.Context, position uint64, ends time.Time) error {
	if p.reached(position) {
		return nil
	}
	if !time.Now().Before(ends) { // nobody would wait for the answer
		return context.DeadlineExceeded
	}
	q := p.question(position)
	w := newWaiter(position, ends)
	p.deadlines.add(w)
	defer p.deadlines.remove(w)
	select {
	case <-q.done:
		if q.beyond && q.head < position && !p.reached(position) {
			return ErrPositionUnknown
		}
		return nil
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reached tells whether the log is known to have the position.
func (p *Positions) reached(position uint64) bool {
	return p.head.Load() >= position ||
		slices.ContainsFunc(p.views, func(v *view) bool { return v.applied.Load() >= position })
}

// question is the one that is sent next, also on behalf of who waits for the position.
func (p *Positions) question(position uint64) *headQuestion {
	p.heads.mu.Lock()
	defer p.heads.mu.Unlock()
	if p.heads.next == nil {
		p.heads.next = &headQuestion{done: make(chan struct{})}
		go p.ask(p.heads.next)
	}
	p.heads.next.most = max(p.heads.next.most, position)
	return p.heads.next
}

// ask sends a question when the one before is answered, unless that has told enough.
func (p *Positions) ask(q *headQuestion) {
	p.heads.turn <- struct{}{}
	defer func() { <-p.heads.turn }()
	p.heads.mu.Lock()
	p.heads.next = nil
	p.heads.mu.Unlock()
	defer close(q.done)
	if p.reached(q.most) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), MaxWait) // nobody's own
	defer cancel()
	incarnation := p.incarnation.Load()
	head, err := p.cfg.Head(ctx)
	if err == nil {
		q.head = head
		if p.incarnation.Load() == incarnation { // and not the end of a log that was put back meanwhile
			raise(&p.head, head)
		}
		if head < q.most {
			q.beyond, err = p.final(ctx)
		}
	}
	p.heads.log.Tried(context.Background(), err) // that it took too long is told, too
}

// final tells whether the log's end is where the server that was asked has it: a standby may
// have more soon.
func (p *Positions) final(ctx context.Context) (bool, error) {
	if p.cfg.Standby == nil {
		return true, nil
	}
	standby, err := p.cfg.Standby(ctx)
	return err == nil && !standby, err
}
