package eventlog

import (
	"context"
	"time"

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

const appendSQL = `
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
	err = l.pool.QueryRow(ctx, appendSQL, b.streams,
		c.ids, c.requests, c.subjects, c.expiries, c.streams, c.offsets, c.lasts,
		g.commands, g.streams, g.versions, g.owners,
		e.streams, e.offsets, e.ids, e.names, e.schemas, e.data, e.meta, e.owners, e.finals, e.times,
		x, int64(b.seen), again,
	).Scan(&a.outcome, &a.base, &a.recorded, &a.heads,
		&a.knownCommands, &a.knownRequests, &a.knownSubjects, &a.knownVersions, &a.knownPositions,
		&a.failedGuards, &a.failedClaims)
	return a, err
}

type commandColumns struct {
	ids      []*events.ID
	requests [][]byte
	subjects []events.ID
	expiries []*time.Time
	streams  []int32
	offsets  []int32
	lasts    []int32
}

// commandColumns is empty where no command brought an id: the server then skips
// that part.
func (b *batch) commandColumns() (c commandColumns) {
	if len(b.commands) == 0 {
		return c
	}
	now := time.Now()
	count, last := map[events.Stream]int32{}, int32(0)
	for _, e := range b.entries {
		for _, s := range e.stored {
			count[s.stream]++
			last++
		}
		var id *events.ID
		if e.Command != (events.ID{}) {
			id = &e.Command
		}
		c.ids = append(c.ids, id)
		c.requests = append(c.requests, append([]byte{}, e.Request...)) // never null
		c.subjects = append(c.subjects, e.Subject)
		c.expiries = append(c.expiries, e.expiry(now))
		c.streams = append(c.streams, b.ordinals[e.Stream])
		c.offsets = append(c.offsets, count[e.Stream])
		c.lasts = append(c.lasts, last)
	}
	return c
}

type guardColumns struct {
	commands, streams []int32
	versions          []*int32
	owners            []*events.ID
}

func (b *batch) guardColumns() (c guardColumns) {
	for i := range b.guards {
		g := &b.guards[i]
		c.commands = append(c.commands, int32(g.entry+1))
		c.streams = append(c.streams, g.stream)
		var version *int32
		if g.guard.Version != Live {
			v := int32(g.guard.Version) - g.offset
			version = &v
		}
		c.versions = append(c.versions, version)
		var owner *events.ID
		if g.guard.Owner != (events.ID{}) {
			owner = &g.guard.Owner
		}
		c.owners = append(c.owners, owner)
	}
	return c
}

type eventColumns struct {
	streams, offsets []int32
	ids              []events.ID
	names            []string
	schemas          []int16
	data, meta       [][]byte
	owners           []events.ID
	finals           []bool
	times            []time.Time
}

func (b *batch) eventColumns() (c eventColumns) {
	count := make([]int32, len(b.streams)+1)
	for _, e := range b.entries {
		for _, s := range e.stored {
			n := b.ordinals[s.stream]
			count[n]++
			c.streams = append(c.streams, n)
			c.offsets = append(c.offsets, count[n])
			c.ids = append(c.ids, s.id)
			c.names = append(c.names, s.name)
			c.schemas = append(c.schemas, s.schema)
			c.data = append(c.data, s.data)
			c.meta = append(c.meta, s.meta)
			c.owners = append(c.owners, s.owner)
			c.finals = append(c.finals, s.final)
			c.times = append(c.times, s.occurred)
		}
	}
	return c
}
