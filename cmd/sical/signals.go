package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// interruption is why a context ended: the process was told to.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string { return "interrupted" }

// Unwrap has it taken for any other end of a context.
func (i interruption) Unwrap() error { return context.Canceled }

// status is the one a shell gives to a process that the signal ended.
func (i interruption) status() int { return 128 + int(i.signal) }

// during adds what the interruption made of the work, if that says more than that it ended.
func (i interruption) during(err error) error {
	if err == context.Canceled || err == error(i) {
		return i
	}
	return fmt.Errorf("%w: %w", i, err)
}

// interruptible is a context that the first SIGINT or SIGTERM ends, with an interruption
// as its cause; the second one ends the process at once. The default action is not leaned
// on for it: a script's background job is started with SIGINT ignored, and is so again
// once nobody listens.
func interruptible() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		for told := false; ; told = true {
			select {
			case s := <-signals:
				cut := interruption{s.(syscall.Signal)}
				if told {
					os.Exit(cut.status())
				}
				cancel(cut)
			case <-ended:
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(ended); cancel(nil) }
}
