package eventlog

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/vault"
)

const (
	// pageBytes is how much of what is stored is in memory at a time, roughly: a stream may
	// be as long as somebody makes it.
	pageBytes = 1 << 20
	// shortLoad is how many events of each stream are loaded without waiting for a turn, and
	// shortLoads of several streams.
	shortLoad, shortLoads = 256, 2048
	// longLoads is how many longer loads are under way at a time. Each takes a connection
	// and a processor for as long as somebody else may have made the stream, and everybody's
	// short loads and the writer need those too.
	longLoads = 2
	// longWaits is how many more may wait for their turn. Who waits takes of the requests that
	// may be under way (command/api/admission.go), which are others' as well.
	longWaits = 32
)

// Load hands over the events of some streams, each stream's in order, decoded and with
// what is personal opened; text of someone forgotten is empty. However many there are, few
// are in memory at a time, unless take keeps them. An event of a newer binary fails it, with
// an EventError, as anything may after some were handed over: nothing may be decided on half a
// history. A load of many events fails with an admission.OverloadError where too many others wait for theirs.
func (l *Log) Load(ctx context.Context, take func(events.Event), streams ...events.Stream) error {
	names := make([]string, len(streams))
	for i, s := range streams {
		names[i] = string(s)
	}
	return l.load(ctx, take, min(shortLoad*len(streams), shortLoads), func(last events.Event, limit string) (pgx.Rows, error) {
		if last.Version == 0 {
			return l.pool.Query(ctx, `-- load events
				select `+columns+` from sical.events where stream = any($1) order by stream, version`+limit, names)
		}
		return l.pool.Query(ctx, `-- load events
			select `+columns+` from sical.events where stream = any($1) and (stream, version) > ($2, $3)
			order by stream, version`+limit, names, string(last.Stream), last.Version)
	})
}

// LoadAfter is Load of one stream after a version.
func (l *Log) LoadAfter(ctx context.Context, s events.Stream, version int, take func(events.Event)) error {
	return l.load(ctx, take, shortLoad, func(last events.Event, limit string) (pgx.Rows, error) {
		return l.pool.Query(ctx, `-- load events
			select `+columns+` from sical.events where stream = $1 and version > $2 order by version`+limit,
			string(s), max(version, last.Version))
	})
}

// load hands over what query finds. query asks for what follows an event, at first the zero
// one. A load of fewer than short events takes one statement. A longer one takes another
// for its rest, once it is its turn, and any load takes one more wherever keys have to be
// fetched. So no load holds a connection while it waits for something else; if each did,
// they could come to wait for each other.
func (l *Log) load(ctx context.Context, take func(events.Event), short int, query func(last events.Event, limit string) (pgx.Rows, error)) error {
	keys := vault.Keys{}
	var last events.Event
	handed, limit := 0, " limit "+strconv.Itoa(short)
	each := func(e events.Event) {
		last = e
		handed++
		take(e)
	}
	for {
		before := handed
		rows, err := query(last, limit)
		if err != nil {
			return unreachable(err)
		}
		page, more, err := l.pages(rows, keys, each)
		if err != nil {
			return err
		}
		if err := l.complete(ctx, keys, page); err != nil {
			return err
		}
		if err := hand(page, keys, each); err != nil {
			return err
		}
		if !more && (limit == "" || handed-before < short) {
			return nil
		}
		if limit != "" && handed >= short {
			end, err := l.turn(ctx)
			if err != nil {
				return err
			}
			defer end()
			limit = ""
		}
	}
}

// turn waits for the turn of a long load. Where enough wait for theirs it fails with an
// admission.OverloadError.
func (l *Log) turn(ctx context.Context) (end func(), err error) {
	select {
	case l.waits <- struct{}{}:
		defer func() { <-l.waits }()
	default:
		return nil, &admission.OverloadError{RetryAfter: 2 * time.Second}
	}
	if end, err = l.long.Acquire(ctx); err != nil {
		return nil, unreachable(err)
	}
	return end, nil
}

// pages hands over one page of rows after the other, as long as their owners' keys are in
// memory, and closes rows. It returns, without handing it over, the first page whose keys
// are not, or else the last page; and whether more may follow that one.
func (l *Log) pages(rows pgx.Rows, keys vault.Keys, take func(events.Event)) (page []events.Event, more bool, err error) {
	defer rows.Close()
	for {
		if page, more, err = next(rows); err != nil {
			return nil, false, unreachable(err)
		}
		if !more || len(l.lacking(keys, page)) > 0 {
			return page, more, nil
		}
		if err := hand(page, keys, take); err != nil {
			return nil, false, err
		}
	}
}

// next reads a page off rows, and tells whether more may follow.
func next(rows pgx.Rows) (page []events.Event, more bool, err error) {
	for size := 0; size < pageBytes; {
		if !rows.Next() {
			return page, false, rows.Err()
		}
		e, err := scan(rows)
		if err != nil {
			return nil, false, err
		}
		page = append(page, e)
		size += weight(&e)
	}
	return page, true, nil
}

func hand(page []events.Event, keys vault.Keys, take func(events.Event)) error {
	if err := unsealAll(page, keys); err != nil {
		return err
	}
	for _, e := range page {
		take(e)
	}
	return nil
}
