package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that the first SIGINT or SIGTERM ends; the second one ends
// the process at once, with the status a shell gives to one that a signal ended. The
// default action is not leaned on for it: a script's background job is started with
// SIGINT ignored, and is so again once nobody listens.
func interruptible() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		for told := false; ; told = true {
			select {
			case s := <-signals:
				if told {
					os.Exit(128 + int(s.(syscall.Signal)))
				}
				cancel()
			case <-ended:
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(ended); cancel() }
}
