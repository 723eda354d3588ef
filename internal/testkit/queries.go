package testkit

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// Queries counts, as the tracer of connections, the queries that begin with a text, such as
// the comment that names them. Those within a batch are not counted.
type Queries struct {
	Of string
	atomic.Int64
}

var _ pgx.QueryTracer = (*Queries)(nil)

// TraceQueryStart counts one.
func (q *Queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, begun pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(begun.SQL, q.Of) {
		q.Add(1)
	}
	return ctx
}

// TraceQueryEnd does nothing.
func (*Queries) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
