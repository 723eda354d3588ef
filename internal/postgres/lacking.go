package postgres

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// states are the beginnings of the SQLSTATEs that tell of the database itself and not
// of what it was asked, the first that fits counting, and whether that passes by itself.
var states = []struct {
	begins string
	passes bool
}{
	{"08", true},     // connection
	{readOnly, true}, // until the name leads to another, or somebody has made room
	{"25P03", true},  // idle for too long in a transaction, as a process that was stopped is
	{"40", true},     // rolled back for others' sake
	{"53300", true},  // too many connections
	{"53", false},    // resources; of them 53100, a full disk
	{"55006", true},  // in use
	{"55P03", true},  // lock not had in time
	{"57P", true},    // goes down, comes up
	{"57", false},    // cancelled: so ends a COPY too whose rows cannot be sent
	{"58", false},    // the system beneath
}

// readOnly is what a server refuses a write with that follows another, or was told to
// take none, as one is whose disk is nearly full.
const readOnly = "25006"

// Lacking tells the error of a database that is away, is going or has come just now,
// lacks something, is busy or has cut a statement off, from one that is about what it
// was asked. Whatever it is of, an error of the network is taken for one, and so is the
// end of a deadline, which is a net.Error: tell those apart before.
func Lacking(err error) bool {
	lacking, _ := state(err)
	return lacking
}

// Passing tells a Lacking that another try may not meet from one that it would, as far
// as is known: where the disk is full, somebody has to make room.
func Passing(err error) bool {
	_, passing := state(err)
	return passing
}

// Full tells whether the database had no room on its disk for what it was asked, of
// which it then has done nothing. Where it has none for its write-ahead log it goes
// down instead, and is away.
func Full(err error) bool {
	return code(err) == "53100"
}

// ReadOnly tells whether the server takes no writes just now. A pool does not use the
// connection again.
func ReadOnly(err error) bool {
	return code(err) == readOnly
}

func state(err error) (lacking, passing bool) {
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		for _, s := range states {
			if strings.HasPrefix(refusal.Code, s.begins) {
				return true, s.passes
			}
		}
		return false, false
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	away := connecting || network || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
	return away, away
}
