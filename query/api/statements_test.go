package api

import (
	"context"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// statement is one that was sent, and how the server has to plan it.
type statement struct {
	sql     string
	args    []any
	planned string // a value of plan_cache_mode
}

// statements notes what is sent to the read models.
type statements struct {
	mu     sync.Mutex
	custom bool // the transaction has asked for plans of its own
	seen   []statement
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	s.note(q.SQL, q.Args)
	return ctx
}
func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
func (s *statements) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	s.note(q.SQL, q.Args)
}

func (s *statements) note(sql string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case sql == "commit":
		s.custom = false
	case strings.HasSuffix(sql, "force_custom_plan"):
		s.custom = true
	case strings.Contains(sql, "sical_read."):
		planned := "force_generic_plan" // as the server may come to do with what is prepared
		if s.custom {
			planned = "force_custom_plan"
		}
		s.seen = append(s.seen, statement{sql, args, planned})
	}
}

func (s *statements) take() []statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}
