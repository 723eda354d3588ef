package web

import (
	"fmt"
	"runtime/debug"
)

// panicError carries a handler's panic to the error handler. Its stack goes to
// the log, never into an answer.
type panicError struct {
	value any
	stack []byte
}

func newPanicError(value any) *panicError {
	return &panicError{value: value, stack: debug.Stack()}
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }
