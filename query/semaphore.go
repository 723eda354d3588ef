package query

import "context"

// semaphore lets as many work at a time as it has room for, in the order of their coming.
type semaphore chan struct{}

// acquire waits for a turn, and returns what ends it. It fails with the error of ctx. A nil
// semaphore lets everybody work at once.
func (s semaphore) acquire(ctx context.Context) (release func(), err error) {
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
