package eventlog

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sical-backend/events"
	"sical-backend/internal/postgres"
)

const (
	// patience is how long a batch is tried again after the database went away:
	// long enough for a new connection, short enough for an early 503.
	patience   = 250 * time.Millisecond
	retryAfter = 10 * time.Millisecond
	// callTimeout bounds one call of sical.append, lock waits included: a second one, after
	// the connection fell silent, may still be in time for who waits for an answer.
	callTimeout = 4 * time.Second
)

// write is the writer: it appends whatever waited while the last batch was at
// work, until Close.
func (l *Log) write() {
	var waiting []*Entry
	for {
		if len(waiting) == 0 {
			select {
			case r := <-l.queue:
				waiting = r.take(waiting)
			case <-l.stop:
				select {
				case r := <-l.queue:
					waiting = r.take(waiting)
				default:
					return
				}
			}
		}
		waiting = l.drain(waiting)
		b, rest := fill(waiting)
		waiting = append(l.commit(b), rest...)
	}
}

// drain takes over what is queued, up to a batch's worth.
func (l *Log) drain(waiting []*Entry) []*Entry {
	for len(waiting) < maxBatchEvents {
		select {
		case r := <-l.queue:
			waiting = r.take(waiting)
		default:
			return waiting
		}
	}
	return waiting
}

// take adds the request's entries to those that wait, unless whoever made it has left.
func (r *request) take(waiting []*Entry) []*Entry {
	if r.taken.Swap(true) {
		return waiting
	}
	return append(waiting, r.entries...)
}

// fill makes a batch of the entries that wait and returns those that go on
// waiting, in order. What builds on an entry that was not appended is settled as unfounded.
func fill(waiting []*Entry) (*batch, []*Entry) {
	b := newBatch(min(len(waiting), maxBatchEvents))
	var rest []*Entry
	for i, e := range waiting {
		switch {
		case b.full(e):
			return b, append(rest, waiting[i:]...)
		case e.request.missed.foundationOf(e):
			e.settle(Result{Err: ErrUnfounded})
		case !b.add(e):
			rest = append(rest, e)
		}
	}
	return b, rest
}

// commit appends a batch and returns the entries that have to be judged again.
func (l *Log) commit(b *batch) []*Entry {
	if len(b.entries) == 0 {
		return nil // what waited was unfounded
	}
	b.seen = l.head
	var lost time.Time // when the outcome first became unknown
	for {
		begun := time.Now()
		a, err := l.try(b, !lost.IsZero())
		var refused *pgconn.PgError
		switch {
		case err == nil && a.outcome == "behind":
			b.seen = uint64(a.base)
			continue
		case err == nil && a.outcome == "refused":
			l.head = uint64(a.base)
			return l.judge(b, a)
		case err == nil:
			l.head = uint64(a.base) + uint64(b.events) - 1
			l.appended(b, a)
			l.meter.Appended(b.events, time.Since(begun).Seconds())
			return nil
		case postgres.Full(err) && lost.IsZero():
			l.full(err)
			l.fail(b, ErrFull)
			return nil
		case errors.As(err, &refused) && !postgres.Lacking(err):
			return l.split(b, err)
		}
		if lost.IsZero() {
			lost = time.Now()
		} else if time.Since(lost) > patience {
			l.logger.Error("append: the log cannot be reached", "error", err, "entries", len(b.entries))
			l.fail(b, ErrUnavailable)
			return nil
		}
		l.meter.Retried()
		time.Sleep(retryAfter) // and when closing too: what is queued is finished
	}
}

// try makes one call, within its time.
func (l *Log) try(b *batch, again bool) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	return l.call(ctx, b, again)
}

// full says that the log has no room, once until something was appended again.
func (l *Log) full(cause error) {
	if !l.noRoom {
		l.noRoom = true
		l.logger.Error("append: the disk of the log is full; nothing is appended until there is room", "error", cause)
	}
}

// judge settles what is known or refused and returns the rest of the batch.
func (l *Log) judge(b *batch, a answer) []*Entry {
	verdict := map[int]Result{}
	for i, n := range a.knownCommands {
		verdict[int(n)-1] = Result{
			Known: true, Request: a.knownRequests[i], Subject: a.knownSubjects[i],
			Version: int(a.knownVersions[i]), Position: uint64(a.knownPositions[i]),
		}
	}
	first := b.firstFailing(a)
	for _, n := range a.failedGuards {
		g := b.guards[n-1]
		if _, done := verdict[g.entry]; done || g.offset > 0 && g.entry != first {
			continue // it counts on entries before it, of which one has failed: judge it again
		}
		verdict[g.entry] = Result{Err: g.verdict()}
	}
	for _, n := range a.failedClaims {
		if _, done := verdict[int(n)-1]; !done {
			verdict[int(n)-1] = Result{Err: ErrClaimed}
		}
	}
	var again []*Entry
	for i, e := range b.entries {
		if r, done := verdict[i]; done {
			if r.Err != nil {
				l.meter.Refused()
			}
			e.settle(r)
		} else {
			again = append(again, e)
		}
	}
	return again
}

// firstFailing is the first entry that fails. None before it does, so that its verdict is
// right whatever it builds on. Later ones may fail only because of it.
func (b *batch) firstFailing(a answer) int {
	first := len(b.entries)
	for _, n := range a.knownCommands {
		first = min(first, int(n)-1)
	}
	for _, n := range a.failedGuards {
		first = min(first, b.guards[n-1].entry)
	}
	for _, n := range a.failedClaims {
		first = min(first, int(n)-1)
	}
	return first
}

func (g guarded) verdict() error {
	if g.guard.Version == Live || g.guard.Owner != (events.ID{}) {
		return GoneError{g.guard.Stream}
	}
	return ConflictError{g.guard.Stream}
}

// appended settles a batch that stands in the log and hands its events on.
func (l *Log) appended(b *batch, a answer) {
	if l.noRoom {
		l.noRoom = false
		l.logger.Info("append: the log has room again")
	}
	versions := make([]int, len(b.streams)+1) // by ordinal
	for i := range b.streams {
		versions[i+1] = int(a.heads[i])
	}
	position := uint64(a.base)
	committed := make([]events.Event, 0, b.events)
	for _, e := range b.entries {
		for _, s := range e.stored {
			versions[s.ordinal]++
			committed = append(committed, events.Event{
				Position: position, ID: s.id, Stream: s.stream, Version: versions[s.ordinal],
				Type: s.name, Schema: int(s.schema), Raw: s.data, Owner: s.owner,
				OccurredAt: s.occurred, RecordedAt: a.recorded, RawMeta: s.meta,
			})
			position++
		}
		e.Result = Result{Position: position - 1, Version: versions[b.ordinals[e.Stream]]}
	}
	if l.handed != nil && len(committed) > 0 {
		l.handed(committed)
	}
	for _, e := range b.entries {
		e.settle(e.Result)
	}
}

// split finds the entry that the server cannot take: halves are tried apart, so
// that only the one at fault fails.
func (l *Log) split(b *batch, cause error) []*Entry {
	if len(b.entries) == 1 {
		l.logger.Error("append: refused by the server", "error", cause)
		l.fail(b, cause)
		return nil
	}
	half, rest := len(b.entries)/2, []*Entry(nil)
	for _, part := range [][]*Entry{b.entries[:half], b.entries[half:]} {
		fresh, later := fill(append(rest, part...))
		rest = append(l.commit(fresh), later...)
	}
	return rest
}

func (l *Log) fail(b *batch, err error) {
	for _, e := range b.entries {
		e.settle(Result{Err: err})
	}
}

func (e *Entry) settle(r Result) {
	e.Result = r
	if r.Err != nil || r.Known {
		e.request.missed.add(e)
	}
	e.request.open--
	if e.request.open == 0 {
		close(e.request.done)
	}
}
