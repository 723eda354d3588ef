// Package testkit gives tests the real thing: Postgres and NATS with JetStream,
// started by the test binary itself, and apart for each test so that all may run in
// parallel. It also cuts connections on demand and waits with a reason.
//
// A package that uses Postgres has one line of TestMain:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
package testkit

import (
	"fmt"
	"os"
	"testing"

	"sical-backend/internal/testkit/leak"
)

// Main runs the tests, stops the servers they shared and exits. It fails the run if
// a goroutine is left that nobody ended.
func Main(m *testing.M) {
	inMain.Store(true)
	code := m.Run()
	for _, s := range []*shared{&quick, &durable} {
		if err := s.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "testkit:", err)
			code = 1
		}
	}
	if code == 0 {
		if err := leak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "testkit:", err)
			code = 1
		}
	}
	os.Exit(code)
}
