package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sical-backend/internal/telemetry"
	"sical-backend/internal/tracing"
)

// Monitor meters every statement of a pool under the name its caller gave it: SQL
// begins with a comment such as
//
//	-- append events
//
// (what is done, and to which table, without a version), which the server shows in its
// own lists as well. Statements that took longer than Slow are logged with that
// name, their duration and rows, never with text or values.
type Monitor struct {
	Metrics *telemetry.Database
	Logger  *slog.Logger
	Slow    time.Duration // 0 logs none
}

// running is a statement under way, or a batch; it travels as the context that pgx
// carries from start to end, for one allocation.
type running struct {
	context.Context
	statement *telemetry.Statement // nil for a batch
	began     time.Time
	span      tracing.Span
}

func (m *Monitor) begin(ctx context.Context, name string) context.Context {
	r := &running{statement: m.Metrics.Statement(name), began: time.Now()}
	r.Context, r.span = tracing.Child(ctx, r.statement.Name)
	return r
}

func (m *Monitor) end(ctx context.Context, tag pgconn.CommandTag, err error) {
	if r, ok := ctx.(*running); ok {
		m.ended(ctx, r.statement, time.Since(r.began), tag, err)
		r.end(err)
	}
}

func (r *running) end(err error) {
	if err != nil {
		r.span.Fail()
	}
	r.span.End()
}

// TraceQueryStart is of pgx.QueryTracer.
func (m *Monitor) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return m.begin(ctx, nameOf(data.SQL))
}

// TraceQueryEnd is of pgx.QueryTracer.
func (m *Monitor) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	m.end(ctx, data.CommandTag, data.Err)
}

// TraceBatchStart is of pgx.BatchTracer.
func (m *Monitor) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	inner, span := tracing.Child(ctx, "batch")
	if !span.Recording() {
		return ctx
	}
	return &running{Context: inner, span: span}
}

// TraceBatchQuery is of pgx.BatchTracer. A statement of a batch is timed from when
// its result was asked for, which is when the one before it had ended.
func (m *Monitor) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	m.ended(ctx, m.Metrics.Statement(nameOf(data.SQL)), time.Since(data.ReadStartTime), data.CommandTag, data.Err)
}

// TraceBatchEnd is of pgx.BatchTracer.
func (m *Monitor) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	if r, ok := ctx.(*running); ok {
		r.end(data.Err)
	}
}

// TraceCopyFromStart is of pgx.CopyFromTracer.
func (m *Monitor) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	table := data.TableName[len(data.TableName)-1]
	if at := strings.IndexAny(table, "0123456789"); at > 0 {
		table = strings.TrimSuffix(table[:at], "_v") // of a view's version
	}
	return m.begin(ctx, "copy "+table)
}

// TraceCopyFromEnd is of pgx.CopyFromTracer.
func (m *Monitor) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromEndData) {
	m.end(ctx, data.CommandTag, data.Err)
}

func (m *Monitor) ended(ctx context.Context, s *telemetry.Statement, took time.Duration, tag pgconn.CommandTag, err error) {
	ended := outcome(ctx, err)
	s.Done(ended, took)
	if m.Slow > 0 && took >= m.Slow {
		s.Slow()
		m.Logger.LogAttrs(ctx, slog.LevelWarn, "slow statement",
			slog.String("statement", s.Name), slog.Duration("took", took), slog.Int64("rows", tag.RowsAffected()),
			slog.Bool("failed", ended == telemetry.Failed), slog.Bool("cancelled", ended == telemetry.Cancelled))
	}
}

func outcome(ctx context.Context, err error) telemetry.Outcome {
	switch {
	case err == nil || errors.Is(err, pgx.ErrNoRows):
		return telemetry.OK
	case errors.Is(ctx.Err(), context.Canceled):
		return telemetry.Cancelled
	}
	return telemetry.Failed
}

// nameOf reads a statement's name: its leading comment, or for what the driver sends
// and has no table, its first word.
func nameOf(sql string) string {
	if rest, ok := strings.CutPrefix(sql, "-- "); ok {
		name, _, _ := strings.Cut(rest, "\n")
		return name
	}
	for _, of := range [...]struct{ begins, name string }{
		{"begin", "begin none"}, {"commit", "commit none"}, {"rollback", "rollback none"},
		{"savepoint", "savepoint none"}, {"release", "release none"}, {"set ", "set none"}, {"listen ", "listen none"},
	} {
		if len(sql) >= len(of.begins) && strings.EqualFold(sql[:len(of.begins)], of.begins) {
			return of.name
		}
	}
	return "unnamed"
}
