package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// code is the SQLSTATE of what Postgres has refused, "" of any other error.
func code(err error) string {
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refusal.Code
	}
	return ""
}

// AboutData tells whether a statement was refused for what was to be written: a value, or a
// constraint that it breaks.
func AboutData(err error) bool {
	return strings.HasPrefix(code(err), "22") || strings.HasPrefix(code(err), "23")
}

// AboutStatement tells whether a statement was refused for itself, whatever was to be written:
// as it is not understood, not allowed, or names what is not there.
func AboutStatement(err error) bool { return strings.HasPrefix(code(err), "42") }

// UndefinedTable tells whether a statement named a table that is not there.
func UndefinedTable(err error) bool { return code(err) == "42P01" }

// DivisionByZero tells whether a statement divided by zero.
func DivisionByZero(err error) bool { return code(err) == "22012" }

// UnloggedOnStandby tells whether a server that follows another was asked for an unlogged
// table, which it does not have. It refuses that, as a feature that is not supported, before
// it minds that it is to write.
func UnloggedOnStandby(err error) bool { return code(err) == "0A000" }

// notAllowed tells whether the role may not do what the statement says.
func notAllowed(err error) bool { return code(err) == "42501" }
