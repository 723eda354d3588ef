package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
)

// Reader reads the log as it is stored, for whoever does not decide: the relay, whatever
// folds or reacts, queries, and operators' tools.
type Reader struct{ pool *pgxpool.Pool }

// NewReader reads through a pool whose role may select from the log.
func NewReader(pool *pgxpool.Pool) Reader { return Reader{pool} }

const columns = `position, event_id, stream, version, type, schema, data, owner, occurred_at, recorded_at, metadata`

const (
	// readBytes is how much of what is stored is read at a time: events may be of 50 KB each,
	// and are counted where memory is shared out.
	readBytes = 8 << 20
	// fewRows and mostRows are how many are asked for at once, at first and as soon as it is
	// known how large they are: the rest of a statement's rows would come even if they were
	// not wanted any more. Where large ones follow on small ones a page takes some 26 MB more.
	fewRows, mostRows = 128, 500
)

// Read returns up to limit events after a position, in the log's order, as they
// are stored: sealed, and not decoded; fewer where they are large. None means that the head
// of the log was reached.
func (r Reader) Read(ctx context.Context, after uint64, limit int) ([]events.Event, error) {
	return ReadIn(ctx, r.pool, after, limit)
}

// Querier is a pool, or a transaction whose snapshot is to be read.
type Querier interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

// ReadIn is Read as it stands in a snapshot.
func ReadIn(ctx context.Context, q Querier, after uint64, limit int) (list []events.Event, err error) {
	for size, fit := 0, fewRows; len(list) < limit && fit > 0; {
		asked := min(limit-len(list), fit)
		rows, err := q.Query(ctx, `-- page events
			select `+columns+` from sical.events where position > $1 order by position limit $2`, int64(min(after, math.MaxInt64)), asked)
		if err != nil {
			return nil, err
		}
		more, err := collect(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
		if len(more) < asked {
			break
		}
		after = more[asked-1].Position
		for i := range more {
			size += weight(&more[i])
		}
		fit = min((readBytes-size)/(size/len(list)), mostRows)
	}
	return list, nil
}

// Range returns the events between two positions, both of them inclusive, however large
// they are; fewer only where the log ends before.
func (r Reader) Range(ctx context.Context, from, to uint64) (list []events.Event, err error) {
	for after := from - 1; after < to; after = list[len(list)-1].Position {
		more, err := r.Read(ctx, after, int(to-after))
		if err != nil || len(more) == 0 {
			return list, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// weight is about how many bytes an event takes that was read and not decoded.
func weight(e *events.Event) int { return len(e.Raw) + len(e.RawMeta) + 512 }

// Head is the position of the newest event, 0 for an empty log.
func (r Reader) Head(ctx context.Context) (uint64, error) {
	var head int64
	err := r.pool.QueryRow(ctx, "-- head events\nselect coalesce(max(position), 0) from sical.events").Scan(&head)
	return uint64(head), err
}

// Standby tells whether what is read is a server that follows another, whose log may
// have more already.
func (r Reader) Standby(ctx context.Context) (standby bool, err error) {
	err = r.pool.QueryRow(ctx, "-- read recovery\nselect pg_is_in_recovery()").Scan(&standby)
	return standby, err
}

// Incarnation is the id of this history of the log; a restore to an earlier
// point begins a new one.
func (r Reader) Incarnation(ctx context.Context) (events.ID, error) {
	var id events.ID
	err := r.pool.QueryRow(ctx, "-- read log\nselect incarnation from sical.log").Scan(&id)
	return id, err
}

// OfKind returns the stored events of all streams of a kind, in the log's order. It
// is for kinds of which there are few.
func (r Reader) OfKind(ctx context.Context, k events.Kind) ([]events.Event, error) {
	rows, err := r.pool.Query(ctx, `-- load events
		select `+columns+` from sical.events where stream > $1 || '-' and stream < $1 || '.' order by position`, string(k))
	if err != nil {
		return nil, err
	}
	return collect(rows)
}

func collect(rows pgx.Rows) ([]events.Event, error) { return pgx.CollectRows(rows, scan) }

// scan is the stored event of a row of columns.
func scan(row pgx.CollectableRow) (e events.Event, err error) {
	var position int64
	var schema int16
	err = row.Scan(&position, &e.ID, &e.Stream, &e.Version, &e.Type, &schema, &e.Raw,
		&e.Owner, &e.OccurredAt, &e.RecordedAt, &e.RawMeta)
	e.Position, e.Schema, e.OccurredAt = uint64(position), int(schema), events.Writable(e.OccurredAt)
	return e, err
}

// unreachable marks an error of the connection, and leaves the caller's own end
// of patience as it is.
func unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Claimed is the stream that holds a unique value, "" where none does.
func (l *Log) Claimed(ctx context.Context, key []byte) (events.Stream, error) {
	var s events.Stream
	err := l.pool.QueryRow(ctx, "-- read claim\nselect stream from sical.claim where key = $1", key).Scan(&s)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", unreachable(err)
	}
	return s, nil
}

// Known is what became of those of the commands that have been done.
func (l *Log) Known(ctx context.Context, ids []events.ID) (map[events.ID]Result, error) {
	rows, err := l.pool.Query(ctx, `-- read command
		select id, request, subject, version, position from sical.command where id = any($1)`, ids)
	if err != nil {
		return nil, unreachable(err)
	}
	found := map[events.ID]Result{}
	var id events.ID
	r := Result{Known: true}
	_, err = pgx.ForEachRow(rows, []any{&id, &r.Request, &r.Subject, &r.Version, &r.Position}, func() error {
		found[id] = Result{Known: true, Request: bytes.Clone(r.Request), Subject: r.Subject, Version: r.Version, Position: r.Position}
		return nil
	})
	if err != nil {
		return nil, unreachable(err)
	}
	return found, nil
}

// ForgetCommands deletes what is remembered of commands past their time.
func (l *Log) ForgetCommands(ctx context.Context) error {
	_, err := l.pool.Exec(ctx, "-- prune command\ndelete from sical.command where expires_at < now()")
	return err
}
