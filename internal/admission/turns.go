package admission

import (
	"context"
	"time"
)

// Do has a question answered, by answer, once it is let in and has its turn. It fails with an
// OverloadError, with the error of ctx where that ends before the turn comes, and as answer
// does.
func (l *Limiter) Do(ctx context.Context, turns Semaphore, answer func() error) (err error) {
	began, err := l.enter()
	if err != nil {
		return err
	}
	defer func() { l.leave(began, err) }()
	end, err := turns.Acquire(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := l.late(began, cap(turns)); err != nil {
		return err
	}
	return answer()
}

// Together is Do for questions whose answers are read together, which wait for no turn here.
// answer has to ask late when that is about to be read, for so many questions at a time. late
// fails with an OverloadError where that is too late, and answer must fail with it.
func (l *Limiter) Together(answer func(late func(together int) error) error) (err error) {
	began, err := l.enter()
	if err != nil {
		return err
	}
	defer func() { l.leave(began, err) }()
	return answer(func(together int) error { return l.late(began, together) })
}

// late fails with an OverloadError where the turn of a question has come, one of so many at
// a time, and its answer would come after one and a quarter times the target. It does so only
// while there have been too many for longer than a moment. Of none at a time, nobody waits,
// and there is nothing to tell.
func (l *Limiter) late(began time.Time, together int) error {
	if together == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.watch(now)
	if !l.tooMany(now) {
		return nil
	}
	left := loadMost - l.delay - now.Sub(began)
	if float64(together) <= l.rate*left.Seconds() { // by Little's law it takes no longer
		return nil
	}
	return l.refusal()
}

// Semaphore lets as many work at a time as it has room for, in the order of their coming.
type Semaphore chan struct{}

// Acquire waits for a turn, and returns what ends it. It fails with the error of ctx. A nil
// Semaphore lets everybody work at once.
func (s Semaphore) Acquire(ctx context.Context) (release func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	select {
	case s <- struct{}{}:
		return func() { <-s }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
