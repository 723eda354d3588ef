package eventlog

import (
	"context"
	"crypto/sha256"
	"hash"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
)

// Digest sums up a range of positions: how many events it holds, and a hash over
// their ids and data in the log's order, as a Sum makes it.
type Digest struct {
	Events int
	Sum    [sha256.Size]byte
}

// Sum makes the Digest of events that came another way than from the log.
type Sum struct {
	events int
	hash   hash.Hash
}

// NewSum returns the Sum of no event.
func NewSum() *Sum { return &Sum{hash: sha256.New()} }

// Add adds the next event: its id, and its data as stored.
func (s *Sum) Add(id events.ID, data []byte) {
	s.events++
	inner := sha256.Sum256(data)
	s.hash.Write(id[:])
	s.hash.Write(inner[:])
}

// Digest is the digest of what was added.
func (s *Sum) Digest() Digest {
	d := Digest{Events: s.events}
	if s.events > 0 {
		s.hash.Sum(d.Sum[:0])
	}
	return d
}

// Digests sums up the log from a position to another, both included, in ranges of
// span positions of which the last may be shorter. The database does the work; of
// the events themselves nothing travels.
func (r Reader) Digests(ctx context.Context, from, to, span uint64) ([]Digest, error) {
	list := make([]Digest, (to-from)/span+1)
	rows, err := r.pool.Query(ctx, `-- digest events
		select (position - $1) / $3, count(*),
			sha256(string_agg(uuid_send(event_id) || sha256(convert_to(data::text, 'UTF8')), ''::bytea order by position))
		from sical.events where position between $1 and $2 group by 1`, int64(from), int64(to), int64(span))
	if err != nil {
		return nil, err
	}
	var at int64
	var d Digest
	var sum []byte
	_, err = pgx.ForEachRow(rows, []any{&at, &d.Events, &sum}, func() error {
		copy(d.Sum[:], sum)
		list[at] = d
		return nil
	})
	return list, err
}

// Place is where an event stands within its stream.
type Place struct {
	Stream  events.Stream
	Version int
}

// Positions tells where in the log the events of some places are, and which they
// are. A place that is not in the log is left out.
func (r Reader) Positions(ctx context.Context, places []Place) (map[Place]events.Event, error) {
	streams, versions := make([]string, len(places)), make([]int, len(places))
	for i, p := range places {
		streams[i], versions[i] = string(p.Stream), p.Version
	}
	rows, err := r.pool.Query(ctx, `-- find events
		select `+columns+` from sical.events
		where (stream, version) in (select * from unnest($1::text[], $2::int[]))`, streams, versions)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows)
	found := make(map[Place]events.Event, len(list))
	for _, e := range list {
		found[Place{e.Stream, e.Version}] = e
	}
	return found, err
}
