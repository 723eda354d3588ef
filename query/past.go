package query

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// The reasons why there is no look back: the moment is no part of the log, or too
// much happened until then.
var (
	ErrBeforeLog     = errors.New("before the first event of the log")
	ErrFuture        = errors.New("beyond the end of the log")
	ErrTooManyEvents = errors.New("too many events to fold on demand")
)

// ErrBehind says that the server that is read follows another and has not come to what the
// other may have: a position, or the build of a view that was read there.
var ErrBehind = errors.New("the replica that is read is not there yet")

// MostPast is how many events a look back folds at most, and mostPastBytes how much of what
// is stored: an event may be of 50 KB.
const (
	MostPast      = 10_000
	mostPastBytes = 32 << 20
)

// ever is beyond every position.
const ever = math.MaxInt64

// PositionAt resolves an instant to the last position recorded by then, in a log that has
// come to the position least. It fails with ErrBeforeLog, ErrFuture, on a replica that has
// not come there with ErrBehind, and with an admission.OverloadError.
func (a *Answerer) PositionAt(ctx context.Context, instant time.Time, least uint64) (position uint64, err error) {
	var future, behind bool
	err = a.past.Do(ctx, a.turns, func() error {
		return a.pool.QueryRow(ctx, `-- position events
			select sical.position_at($1), $1 > clock_timestamp(),
				pg_is_in_recovery() and not exists (select position from sical.events where position >= $2)`,
			instant, least).Scan(&position, &future, &behind)
	})
	switch {
	case err != nil:
		return 0, err
	case behind:
		return 0, ErrBehind
	case future:
		return 0, ErrFuture
	case position == 0:
		return 0, ErrBeforeLog
	}
	return position, nil
}

// past reads the log within a snapshot and folds it as the views are folded.
type past struct {
	*reading.Snapshot
	at      uint64 // the position looked back to
	missing error  // ErrFuture or ErrBehind where this log has not come there, once something is read
	left    int    // events that may yet be read
	room    int    // bytes of them
}

// pastOf has what is read first tell whether the log has come to the position: another server
// might have it, asked before, and this one not.
func pastOf(s *reading.Snapshot, at uint64) *past {
	p := &past{Snapshot: s, at: at, left: MostPast, room: mostPastBytes}
	p.Queue(`-- position events
		select exists (select position from sical.events where position = $1), pg_is_in_recovery()`, at).QueryRow(func(row pgx.Row) error {
		var reached, standby bool
		err := row.Scan(&reached, &standby)
		switch {
		case reached:
		case standby:
			p.missing = ErrBehind
		default:
			p.missing = ErrFuture
		}
		return err
	})
	return p
}

// history reads the events of some streams up to a position, in order. It fails with
// ErrTooManyEvents, and as p.missing says.
func (p *past) history(ctx context.Context, until uint64, streams ...events.Stream) ([]events.Event, error) {
	if len(streams) == 0 {
		return nil, nil
	}
	return p.events(ctx, "-- history events\n"+sent+"from sical.history($1, $2, $3)"+reached, streams, until)
}

// edges reads what the curriculum said of a point.
func (p *past) edges(ctx context.Context, point events.ID) ([]events.Event, error) {
	return p.events(ctx, "-- edges events\n"+sent+"from sical.edges($1, $2, $3)"+reached, point, p.at)
}

// sent is what the database sends of events, which come in order: from where the data is more
// than $4 bytes on it is null, since rows that nobody wants any more would come all the same.
const sent = `select at, stream, version, type, schema,
	case when sum(octet_length(data::text)) over (rows unbounded preceding) <= $4 then data end, owner, occurred_at
	`

// reached has the database read nothing where the log has not come to the position $5: that it has
// is only known with what is read first, and anybody may ask for what is not there.
const reached = `
	where exists (select from sical.events where position = $5)`

func (p *past) events(ctx context.Context, sql string, of any, until uint64) (list []events.Event, err error) {
	p.Queue(sql, of, int64(until), p.left+1, p.room, int64(p.at)).Query(func(rows pgx.Rows) error {
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e events.Event, err error) {
			var schema int16
			err = row.Scan(&e.Position, &e.Stream, &e.Version, &e.Type, &schema, &e.Raw, &e.Owner, &e.OccurredAt)
			e.Schema, e.OccurredAt = int(schema), events.Writable(e.OccurredAt)
			if p.room -= len(e.Raw); e.Raw == nil {
				p.room = -1 // it was too much
			}
			return e, err
		})
		return err
	})
	if err := p.Send(ctx); err != nil {
		return nil, err
	}
	if p.missing != nil {
		return nil, p.missing
	}
	if p.left -= len(list); p.left < 0 || p.room < 0 {
		return nil, ErrTooManyEvents
	}
	for i := range list {
		e := &list[i]
		var unknown events.UnknownType
		if e.Data, err = events.Decode(e.Type, e.Schema, e.Raw); err != nil && !errors.As(err, &unknown) {
			return nil, err
		}
	}
	return list, nil
}

// goals lists the streams of the goals that a user had begun.
func (p *past) goals(ctx context.Context, owner events.ID) (streams []events.Stream, err error) {
	p.Queue(`-- goals events
		select sical.goals_of($1, $2, $3)`, owner, int64(p.at), p.left+1).Query(func(rows pgx.Rows) error {
		streams, err = pgx.CollectRows(rows, pgx.RowTo[events.Stream])
		return err
	})
	if err := p.Send(ctx); err != nil {
		return nil, err
	}
	if len(streams) > p.left {
		return nil, ErrTooManyEvents
	}
	return streams, nil
}

// fold makes the rows of a view from the events up to a position. R is the type that they
// are folded as.
func fold[R any](v projections.ViewOf[R], list []events.Event, until uint64) map[projections.Key]*R {
	rows := map[projections.Key]projections.Row{}
	for _, e := range list {
		if e.Position > until {
			continue
		}
		for _, key := range v.Touches(e) {
			rows[key] = v.Fold(key, rows[key], e)
		}
	}
	found := make(map[projections.Key]*R, len(rows))
	for key, row := range rows {
		if row != nil {
			found[key] = row.(*R)
		}
	}
	return found
}

// thenAndNow is a thing as it was then and as it is now; nil where it was or is not.
type thenAndNow[R any] struct{ then, now *R }

// lookUp folds things of one kind by their ids.
func lookUp[R any](ctx context.Context, p *past, v projections.ViewOf[R], streams ...events.Stream) (map[events.ID]thenAndNow[R], error) {
	list, err := p.history(ctx, ever, streams...)
	if err != nil {
		return nil, err
	}
	then, now := fold(v, list, p.at), fold(v, list, ever)
	found := make(map[events.ID]thenAndNow[R], len(then))
	for _, s := range streams {
		k := projections.KeyOf(s.ID())
		found[k.A] = thenAndNow[R]{then[k], now[k]}
	}
	return found, nil
}
