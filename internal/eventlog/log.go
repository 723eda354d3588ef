package eventlog

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/tracing"
	"sical-backend/internal/vault"
)

// Log appends to the log and loads from it, for a process that decides.
type Log struct {
	Reader
	appending *pgxpool.Pool
	vault     *vault.Vault
	logger    *slog.Logger
	meter     Meter
	handed    func([]events.Event)

	head    uint64 // a position the log has reached; the writer's own
	queue   chan *request
	stop    chan struct{}
	long    admission.Semaphore // of loads of many events
	waits   chan struct{}       // has one of each load that waits for a turn of long
	noRoom  bool                // the writer's: the disk was full when it last appended
	stopped sync.WaitGroup
}

// Meter is told what the log does; every method is cheap and safe to call at
// once from anywhere.
type Meter interface {
	Appended(events int, seconds float64)
	Refused()
	Retried()
}

// Config is what a Log works with.
type Config struct {
	Pool *pgxpool.Pool // of the command role, with the settings of Plans
	// Appending is a pool like Pool that the writer takes its connection from; nil for Pool,
	// where it stands in line with whoever loads.
	Appending *pgxpool.Pool
	Vault     *vault.Vault
	Logger    *slog.Logger
	Meter     Meter
	// Committed is handed the events of each append in the log's order, without
	// their Data, from one goroutine. It must not block.
	Committed func([]events.Event)
}

// Plans are the settings of a connection that asks for nothing but what an index finds. A
// statement is planned once, for whatever it is called with: where that was while the log was
// young, it went through all the commands there were by then with each batch, under the log's
// lock, until Postgres took new statistics. So each row is looked up by itself (nested loops).
// The log's lock has no index, and for such a plan's price Postgres would compile it (jit).
func Plans() map[string]string {
	return map[string]string{
		"plan_cache_mode": "force_generic_plan",
		"enable_seqscan":  "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off",
	}
}

// queueLength bounds how many requests wait before Append blocks.
const queueLength = 4096

// Open starts the writer. Close ends it.
func Open(c Config) *Log {
	l := &Log{
		Reader:    NewReader(c.Pool),
		appending: cmp.Or(c.Appending, c.Pool),
		vault:     c.Vault,
		logger:    c.Logger,
		meter:     c.Meter,
		handed:    c.Committed,
		queue:     make(chan *request, queueLength),
		long:      make(admission.Semaphore, longLoads),
		waits:     make(chan struct{}, longWaits),
		stop:      make(chan struct{}),
	}
	l.stopped.Go(l.write)
	return l
}

// Close finishes what is queued and stops the writer. Append must not be called
// after it.
func (l *Log) Close() {
	close(l.stop)
	l.stopped.Wait()
}

// request is one call of Append.
type request struct {
	entries []*Entry
	open    int // entries not settled yet
	missed  missed
	done    chan struct{}
	taken   atomic.Bool // by the writer, or back by who made it and has left
}

// Append writes the entries in order, each judged on its predecessors' results,
// and fills in their Results; one that is refused, or cannot be prepared, fails
// alone. It returns an error only where ctx ended first: what the writer had taken by
// then may still be appended, and no Result may be read.
func (l *Log) Append(ctx context.Context, entries ...*Entry) error {
	ctx, span := tracing.Child(ctx, "append")
	defer span.End()
	var ready []*Entry
	m := missed{}
	registered := map[events.ID]bool{}
	for _, e := range entries {
		if e.needsKeyOf(registered) {
			// The new key counts only once its owner stands in the log.
			if err := l.submit(ctx, ready, m); err != nil {
				return err
			}
			ready = nil
			clear(registered)
		}
		if err := l.prepare(ctx, e); err != nil {
			e.Result = Result{Err: err}
			m.add(e)
			continue
		}
		ready = append(ready, e)
		for _, n := range e.Events {
			if registers(n) {
				registered[n.Owner] = true
			}
		}
	}
	return l.submit(ctx, ready, m)
}

// submit hands prepared entries to the writer and waits for their results.
func (l *Log) submit(ctx context.Context, entries []*Entry, m missed) error {
	if len(entries) == 0 {
		return nil
	}
	r := &request{entries: entries, open: len(entries), missed: m, done: make(chan struct{})}
	for _, e := range entries {
		e.request = r
	}
	select {
	case l.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		if !r.taken.Swap(true) {
			r.entries = nil // a queue that stands still is not to hold them
		}
		return ctx.Err()
	}
}
