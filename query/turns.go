package query

import "context"

// turns has as many work at a time as it has room for, in the order of their coming.
type turns chan struct{}

// take waits for a turn, and returns what ends it. It fails with the error of ctx. Where
// there are no turns, it is everybody's.
func (t turns) take(ctx context.Context) (leave func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
