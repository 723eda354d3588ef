package testkit

import (
	"runtime"
	"testing"
	"time"
)

// patience is how long Eventually waits: only a failing test is ever that slow, so it
// is long enough for the busiest machine.
const patience = time.Minute

// Eventually calls f until it returns nil, and fails the test with f's last error
// when that does not happen. It is for what gives no signal to wait on.
func Eventually(t testing.TB, f func() error) {
	t.Helper()
	if err := poll(patience, f); err != nil {
		t.Fatalf("still after %v: %v", patience, err)
	}
}

func poll(limit time.Duration, f func() error) error {
	end := time.Now().Add(limit)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := f()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(wait)
	}
}

// Undisturbed has a course taken again that was disturbed: on a machine that stands still for
// seconds, what waits is given up, as it has to be. What a test demands of a course, it demands of
// one that was not.
func Undisturbed(t testing.TB, course func() (kept bool)) {
	t.Helper()
	for range 5 {
		begun := time.Now()
		if course() {
			return
		}
		t.Logf("disturbed, after %v", time.Since(begun))
	}
	t.Fatal("the course was disturbed time and again")
}

// Receive waits for what comes over a channel, or for its end, and fails the test where
// nothing does: or it would hang until the alarm of go test, and with it its package.
func Receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		all := make([]byte, 1<<20)
		t.Fatalf("nothing has come after %v; what goes on:\n%s", patience, all[:runtime.Stack(all, true)])
		panic("not reached")
	}
}
