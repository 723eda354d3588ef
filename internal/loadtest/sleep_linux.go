package loadtest

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// sleep waits by the kernel's own timer: the runtime's are up to a millisecond late
// on an idle machine, more than what is to be measured. It ends with ctx, at most a
// second later.
func sleep(ctx context.Context, d time.Duration) {
	end := time.Now().Add(d)
	for ; d > 0 && ctx.Err() == nil; d = time.Until(end) {
		wait := unix.NsecToTimespec(int64(min(d, time.Second)))
		_ = unix.Nanosleep(&wait, nil) // interrupted by a signal: the rest is slept next
	}
}
