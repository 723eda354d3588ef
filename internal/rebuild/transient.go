package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sical-backend/internal/postgres"
)

// transient tells whether the next try may go well, as after an error of the connection.
// An error that is not known to pass is taken not to: a job that fails says why, and one
// that tries for ever says nothing.
func transient(err error) bool {
	if _, ok := errors.AsType[*EventError](err); ok {
		return false // whatever it failed with
	}
	for _, passes := range []error{context.Canceled, io.EOF, errOtherLog} {
		if errors.Is(err, passes) {
			return true
		}
	}
	return postgres.Passing(err)
}

// explained says in plain words why a job has failed, where that is not its own fault.
func explained(err error) error {
	if postgres.Full(err) {
		return fmt.Errorf("the disk of the database is full: make room and ask again: %w", err)
	}
	return err
}
