package rebuild

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// stream is the result of a cursor, one value at a time.
type stream[T any] struct {
	tx   pgx.Tx
	name string
	to   pgx.RowToFunc[T]
	list []T
	done bool
}

// peek is the next value, nil at the end.
func (s *stream[T]) peek(ctx context.Context) (_ *T, err error) {
	if len(s.list) == 0 && !s.done {
		if s.list, err = fetch(ctx, s.tx, s.name, s.to); err != nil {
			return nil, err
		}
		s.done = len(s.list) == 0
	}
	if s.done {
		return nil, nil
	}
	return &s.list[0], nil
}

// take returns the value that peek has shown, and moves on.
func (s *stream[T]) take() *T {
	v := &s.list[0]
	s.list = s.list[1:]
	return v
}
