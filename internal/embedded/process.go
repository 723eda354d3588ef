package embedded

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a child whose end is seen, and who ends when we do.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// startProcess starts cmd. The goroutine keeps its thread for the child's whole
// life because on Linux the death signal comes when the starting thread ends.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	return p, <-started
}

// stop asks for a fast shutdown, after 10 s or at the end of ctx for an immediate
// one, and then kills. The signals mean this to Postgres, and a docker client hands
// them on.
func (p *process) stop(ctx context.Context) error {
	polite, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if p.signalled(polite, syscall.SIGINT) {
		return nil
	}
	// Postgres kills its own children 5 s after a SIGQUIT.
	firm, cancel := context.WithTimeout(context.WithoutCancel(ctx), 6*time.Second)
	defer cancel()
	if p.signalled(firm, syscall.SIGQUIT) {
		return errors.New("postgres did not stop in time and was ended at once; it recovers at its next start")
	}
	p.signalled(context.WithoutCancel(ctx), syscall.SIGKILL)
	return errors.New("postgres did not stop and was killed; it recovers at its next start")
}

// signalled sends a signal and tells whether the child ended before ctx did.
func (p *process) signalled(ctx context.Context, signal syscall.Signal) bool {
	_ = p.cmd.Process.Signal(signal) // fails only for a child that has ended
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// end describes how the child ended.
func (p *process) end() string {
	if p.err != nil {
		return p.err.Error()
	}
	return "exit status 0"
}
