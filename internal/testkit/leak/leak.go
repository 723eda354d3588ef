// Package leak fails the tests of a package that leave a goroutine behind.
package leak

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines may take to end: a connection that is closed waits
// for its other side, and a busy machine for its turn.
const patience = time.Minute

// serversOwn leaves out a goroutine that nats-server 2.15 itself left behind once: the
// flusher of a block of its file store, seconds after the server had shut down.
var serversOwn = goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*msgBlock).flushLoop")

// Main runs the tests and exits, with failure where a goroutine is left.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Find returns an error that lists the goroutines that are left and do not end.
func Find() (err error) {
	for end := time.Now().Add(patience); ; {
		if err = goleak.Find(serversOwn); err == nil || time.Now().After(end) {
			return err
		}
	}
}
