package admission

import "context"

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
