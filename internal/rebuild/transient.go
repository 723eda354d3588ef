package rebuild

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// passing begins the SQLSTATEs of what another try may not meet: of connections, their
// number too, of transactions rolled back, of locks, and of a server that goes down
// or comes up. A statement that was cancelled (57014) is none: so ends a COPY whose
// rows cannot be sent.
var passing = []string{"08", "40", "53300", "55", "57P"}

// transient tells an error that the next try may not meet, as one of the connection
// is, from one that it would. What is not known to pass is taken not to: a job that
// fails says why, and one that tries for ever says nothing.
func transient(err error) bool {
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		return slices.ContainsFunc(passing, func(prefix string) bool { return strings.HasPrefix(refusal.Code, prefix) })
	}
	if _, ok := errors.AsType[*EventError](err); ok {
		return false // whatever it failed with
	}
	for _, passes := range []error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed, errOtherLog,
	} {
		if errors.Is(err, passes) {
			return true
		}
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connecting || network || pgconn.SafeToRetry(err)
}
