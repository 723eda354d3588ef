package eventlog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"sical-backend/events"
)

// answer is what sical.append returns.
type answer struct {
	outcome        string
	base           int64
	recorded       time.Time
	heads          []int32
	knownCommands  []int64
	knownRequests  [][]byte
	knownSubjects  []events.ID
	knownVersions  []int32
	knownPositions []int64
	failedGuards   []int64
	failedClaims   []int32
}

const appendSQL = `-- append events
	select outcome, coalesce(base, 0), coalesce(recorded, now()), heads,
		known_commands, known_requests, known_subjects, known_versions, known_positions,
		failed_guards, failed_claims
	from sical.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
		$13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)`

// call runs sical.append on the batch: one round trip, one transaction.
func (l *Log) call(ctx context.Context, b *batch, again bool) (answer, error) {
	x, err := b.extra()
	if err != nil {
		return answer{}, err
	}
	c, g, e := b.commandColumns(), b.guardColumns(), b.eventColumns()
	var a answer
	err = l.appending.QueryRow(ctx, appendSQL, b.streams,
		c.ids, c.requests, c.subjects, c.expiries, c.streams, c.offsets, c.lasts,
		g.commands, g.streams, g.versions, g.owners,
		e.streams, e.offsets, e.ids, e.names, e.schemas, e.data, e.meta, e.owners, e.finals, e.times,
		x, int64(b.seen), again,
	).Scan(&a.outcome, &a.base, &a.recorded, &a.heads,
		&a.knownCommands, &a.knownRequests, &a.knownSubjects, &a.knownVersions, &a.knownPositions,
		&a.failedGuards, &a.failedClaims)
	return a, err
}

// column is an array parameter. Its elements are of types that the driver writes
// without looking at them by reflection; events.ID is not one.
type column[T any] = pgtype.FlatArray[T]

func uuidOf(id events.ID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

// setUUID is null for the zero id.
func setUUID(id events.ID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: id != events.ID{}} }

type commandColumns struct {
	ids, subjects           column[pgtype.UUID]
	requests                column[[]byte]
	expiries                column[*time.Time]
	streams, offsets, lasts column[int32]
}

// commandColumns is empty where no command brought an id: the server then skips
// that part.
func (b *batch) commandColumns() (c commandColumns) {
	if len(b.commands) == 0 {
		return c
	}
	now := time.Now()
	count, last := make([]int32, len(b.streams)+1), int32(0)
	for _, e := range b.entries {
		for _, s := range e.stored {
			count[s.ordinal]++
			last++
		}
		n := b.ordinals[e.Stream]
		c.ids = append(c.ids, setUUID(e.Command))
		c.requests = append(c.requests, append([]byte{}, e.Request...)) // empty, not null
		c.subjects = append(c.subjects, uuidOf(e.Subject))
		c.expiries = append(c.expiries, e.expiry(now))
		c.streams = append(c.streams, n)
		c.offsets = append(c.offsets, count[n])
		c.lasts = append(c.lasts, last)
	}
	return c
}

type guardColumns struct {
	commands, streams column[int32]
	versions          column[pgtype.Int4]
	owners            column[pgtype.UUID]
}

func (b *batch) guardColumns() (c guardColumns) {
	for _, g := range b.guards {
		c.commands = append(c.commands, int32(g.entry+1))
		c.streams = append(c.streams, g.stream)
		c.versions = append(c.versions, pgtype.Int4{Int32: int32(g.guard.Version) - g.offset, Valid: g.guard.Version != Live})
		c.owners = append(c.owners, setUUID(g.guard.Owner))
	}
	return c
}

type eventColumns struct {
	streams, offsets column[int32]
	ids, owners      column[pgtype.UUID]
	names            []string
	schemas          column[int16]
	data, meta       column[[]byte]
	finals           column[bool]
	times            column[time.Time]
}

func (b *batch) eventColumns() eventColumns {
	n := b.events
	c := eventColumns{
		make(column[int32], 0, n), make(column[int32], 0, n),
		make(column[pgtype.UUID], 0, n), make(column[pgtype.UUID], 0, n),
		make([]string, 0, n), make(column[int16], 0, n),
		make(column[[]byte], 0, n), make(column[[]byte], 0, n),
		make(column[bool], 0, n), make(column[time.Time], 0, n),
	}
	count := make([]int32, len(b.streams)+1)
	for _, e := range b.entries {
		for _, s := range e.stored {
			n := s.ordinal
			count[n]++
			c.streams = append(c.streams, n)
			c.offsets = append(c.offsets, count[n])
			c.ids = append(c.ids, uuidOf(s.id))
			c.owners = append(c.owners, uuidOf(s.owner))
			c.names = append(c.names, s.name)
			c.schemas = append(c.schemas, s.schema)
			c.data = append(c.data, s.data)
			c.meta = append(c.meta, s.meta)
			c.finals = append(c.finals, s.final)
			c.times = append(c.times, s.occurred)
		}
	}
	return c
}
