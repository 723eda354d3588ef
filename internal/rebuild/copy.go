package rebuild

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/projections"
)

// chunk is how many rows are turned into columns at a time on their way out.
const chunk = 1024

// source gives rows as COPY takes them.
type source struct {
	ctx   context.Context
	view  *projections.View
	rows  []row
	begin func(context.Context, int) error // is told of rows before they are written

	now     []row // that the columns and docs are of
	at      int   // in now
	columns []column
	docs    [][]byte
	values  []any
	err     error
}

// column gives one value of a typed slice.
type column func(i int) any

// Next moves to the next row.
func (s *source) Next() bool {
	if s.at++; s.at < len(s.now) {
		return true
	}
	if len(s.rows) == 0 {
		return false
	}
	s.err = s.advance()
	return s.err == nil
}

// advance makes the next rows ready.
func (s *source) advance() (err error) {
	defer recovered(&err)
	n := min(chunk, len(s.rows))
	if err := s.begin(s.ctx, n); err != nil {
		return err
	}
	s.now, s.rows, s.at = s.rows[:n], s.rows[n:], 0
	values := make([]projections.Row, n)
	s.docs = make([][]byte, n)
	for i, r := range s.now {
		values[i] = r.value
		if s.docs[i], err = s.view.Encode(r.value); err != nil {
			return fmt.Errorf("row %s: %w", r.key, err)
		}
	}
	s.columns = nil
	for _, slice := range s.view.Collect(values) {
		s.columns = append(s.columns, columnOf(slice))
	}
	return nil
}

// Values are those of the present row.
func (s *source) Values() ([]any, error) {
	key := s.now[s.at].key
	s.values = append(s.values[:0], [16]byte(key.A))
	if len(s.view.Keys) == 2 {
		s.values = append(s.values, [16]byte(key.B))
	}
	for _, value := range s.columns {
		s.values = append(s.values, value(s.at))
	}
	s.values = append(s.values, s.docs[s.at])
	return s.values, nil
}

// Err is why Next ended.
func (s *source) Err() error { return s.err }

// columnOf takes values out of a slice; the common types without reflection.
func columnOf(slice any) column {
	switch list := slice.(type) {
	case []string:
		return func(i int) any { return list[i] }
	case []int64:
		return func(i int) any { return list[i] }
	case []time.Time:
		return func(i int) any { return list[i] }
	case []*time.Time:
		return func(i int) any { return list[i] }
	case []events.ID:
		return func(i int) any { return [16]byte(list[i]) }
	}
	list := reflect.ValueOf(slice)
	return func(i int) any { return list.Index(i).Interface() }
}

// columnNames lists the columns of a view's table in the order of source's values.
func columnNames(v *projections.View) []string {
	names := append([]string{}, v.Keys...)
	for _, c := range v.Columns {
		names = append(names, c.Name)
	}
	return append(names, "doc")
}

// identifier is a table's name as pgx takes it.
func identifier(table string) pgx.Identifier { return strings.Split(table, ".") }
