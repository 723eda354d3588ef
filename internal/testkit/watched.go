package testkit

import "context"

// Watched returns a context that tells when somebody waits for its end.
func Watched(ctx context.Context) (watched context.Context, waits <-chan struct{}) {
	told := make(chan struct{}, 1)
	return telling{ctx, told}, told
}

type telling struct {
	context.Context
	told chan<- struct{}
}

func (c telling) Done() <-chan struct{} {
	select {
	case c.told <- struct{}{}:
	default:
	}
	return c.Context.Done()
}
