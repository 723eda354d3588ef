package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
)

func TestLackingAndPassing(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return fmt.Errorf("append: %w", &pgconn.PgError{Code: code}) }
	_, unreachable := pgx.Connect(t.Context(), "postgres://nobody@127.0.0.1:1/x?sslmode=disable")
	for _, err := range []error{
		unreachable, state("08006"), state("25006"), state("25P03"), state("40001"), state("40P01"), state("53300"), state("55P03"), state("57P01"), state("57P03"),
		fmt.Errorf("x: %w", io.ErrUnexpectedEOF), &net.OpError{Op: "read", Err: syscall.ECONNRESET}, net.ErrClosed, pgconn.ErrConnClosed,
	} {
		assert.True(t, Lacking(err) && Passing(err) && !Full(err), "%v", err)
	}
	for _, err := range []error{state("53200"), state("57014"), state("58030")} {
		assert.True(t, Lacking(err) && !Passing(err) && !Full(err), "%v", err)
	}
	full := state("53100")
	assert.True(t, Full(full) && Lacking(full) && !Passing(full))
	for _, err := range []error{nil, errors.New("json"), context.Canceled, state("22008"), state("23505"), state("42P01"), state("55000"), state("25001"), state("")} {
		assert.False(t, Lacking(err) || Passing(err) || Full(err), "%v", err)
	}
}
