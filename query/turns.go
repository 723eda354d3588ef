package query

import "context"

// turns has as many work at a time as it has room for, in the order of their coming.
type turns chan struct{}

// take waits for a turn, and returns what ends it. It fails with the error of ctx.
func (t turns) take(ctx context.Context) (leave func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
