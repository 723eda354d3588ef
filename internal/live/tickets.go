package live

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/internal/postgres"
)

// TicketLife is how long a ticket can be used.
const TicketLife = 30 * time.Second

// ErrTicket is returned for a ticket that is none, was used, or is too old.
var ErrTicket = errors.New("live: no such ticket")

// ErrReplica is returned where the database follows another: a ticket is used up by a write.
var ErrReplica = errors.New("live: no ticket can be taken on a replica")

// Holder is who a ticket was given to, by what their access token said.
type Holder struct {
	User, Session events.ID
	Role          string
	Generation    int64
	Ends          time.Time // of the token, and with it of the stream
}

// Tickets gives tickets and takes them. Browsers cannot send a token with an
// EventSource, and a token in a URL would end up in logs: a ticket there is used
// up. They stand in one table, by their digest, so that one process gives what
// another takes, once.
type Tickets struct{ pool *pgxpool.Pool }

// NewTickets works through a pool of the command or the query role; the one may
// give, both may take.
func NewTickets(pool *pgxpool.Pool) *Tickets { return &Tickets{pool} }

// Give makes a ticket, and deletes those that were never used.
func (t *Tickets) Give(ctx context.Context, h Holder) (string, error) {
	ticket := rand.Text()
	hash := sha256.Sum256([]byte(ticket))
	_, err := t.pool.Exec(ctx, `-- insert stream_ticket
		with old as (delete from sical.stream_ticket where expires_at < clock_timestamp())
		insert into sical.stream_ticket (hash, user_id, session_id, role, generation, token_ends, expires_at)
		values ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7::interval)`,
		hash[:], h.User, h.Session, h.Role, h.Generation, h.Ends, TicketLife)
	return ticket, err
}

// Take uses a ticket up. It fails with ErrTicket, and on a replica with ErrReplica.
func (t *Tickets) Take(ctx context.Context, ticket string) (h Holder, err error) {
	hash := sha256.Sum256([]byte(ticket))
	err = t.pool.QueryRow(ctx, `-- delete stream_ticket
		delete from sical.stream_ticket where hash = $1 and expires_at > clock_timestamp()
		returning user_id, session_id, role, generation, token_ends`, hash[:]).
		Scan(&h.User, &h.Session, &h.Role, &h.Generation, &h.Ends)
	if errors.Is(err, pgx.ErrNoRows) {
		return h, ErrTicket
	}
	if postgres.UnloggedOnStandby(err) {
		return h, ErrReplica
	}
	return h, err
}
