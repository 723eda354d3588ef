package rebuild

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"sical-backend/events"
	"sical-backend/projections"
)

// chunk is some rows on their way out, turned into what COPY takes.
type chunk struct {
	rows    []row
	columns []column
	docs    [][]byte
	err     error
	encoded chan struct{} // closed when the others are there
}

// chunkRows is how many rows are turned into columns at a time.
const chunkRows = 512

// source gives rows as COPY takes them, and adds up what they add to the view's
// sums. Chunks are encoded by all cores, ahead of whoever writes them.
type source struct {
	view   *projections.View
	shards int
	chunks chan *chunk // in the order of their rows
	group  *errgroup.Group
	stop   context.CancelFunc
	sums   []shardSums // of each encoder, once it has ended

	now    *chunk
	at     int // in now
	values []any
	err    error
}

// shardSums are what rows add to the sums by name, of each shard.
type shardSums []map[string]int64

func newSums(shards int) shardSums {
	s := make(shardSums, shards)
	for i := range s {
		s[i] = map[string]int64{}
	}
	return s
}

// newSource begins to encode rows, and lets go of them on the way. done is told of rows
// that are encoded, and of how long that took. The source must be ended.
func newSource(
	ctx context.Context, v *projections.View, shards int, rows runs, done func(ctx context.Context, n int, took time.Duration) error,
) *source {
	n := runtime.GOMAXPROCS(0)
	ctx, stop := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	s := &source{view: v, shards: shards, chunks: make(chan *chunk, 2*n), group: group, stop: stop, sums: make([]shardSums, n)}
	todo := make(chan *chunk, 2*n)
	group.Go(func() error {
		defer close(s.chunks)
		defer close(todo)
		for {
			c := &chunk{rows: rows.take(make([]row, 0, chunkRows)), encoded: make(chan struct{})}
			if len(c.rows) == 0 {
				return nil
			}
			if !send(ctx, todo, c) || !send(ctx, s.chunks, c) {
				return ctx.Err()
			}
		}
	})
	for i := range s.sums {
		s.sums[i] = newSums(shards)
		group.Go(func() (failed error) {
			for c := range todo { // all of them, also after an error: Next waits for each
				begun := time.Now()
				if c.err = failed; failed == nil {
					c.err = s.encode(c, s.sums[i])
					failed = c.err
				}
				close(c.encoded)
				if failed == nil {
					failed = done(ctx, len(c.rows), time.Since(begun))
				}
			}
			return failed
		})
	}
	return s
}

// encode makes a chunk ready, and adds its rows to the sums.
func (s *source) encode(c *chunk, sums shardSums) (err error) {
	defer recovered(&err)
	values := make([]projections.Row, len(c.rows))
	c.docs = make([][]byte, len(c.rows))
	for i, r := range c.rows {
		values[i] = r.value
		if c.docs[i], err = s.view.Encode(r.value); err != nil {
			return fmt.Errorf("row %s: %w", r.key, err)
		}
		shard := sums[r.key.Shard(s.shards)]
		for _, t := range s.view.Totals(r.value) {
			shard[t.Name] += t.Value
		}
	}
	for _, slice := range s.view.Collect(values) {
		c.columns = append(c.columns, columnOf(slice))
	}
	return nil
}

// Next moves to the next row.
func (s *source) Next() bool {
	if s.at++; s.now != nil && s.at < len(s.now.rows) {
		return true
	}
	c, more := <-s.chunks
	if !more {
		s.err = s.group.Wait()
		return false
	}
	<-c.encoded
	s.now, s.at, s.err = c, 0, c.err
	return s.err == nil
}

// Values are those of the present row.
func (s *source) Values() ([]any, error) {
	key := s.now.rows[s.at].key
	s.values = append(s.values[:0], [16]byte(key.A))
	if len(s.view.Keys) == 2 {
		s.values = append(s.values, [16]byte(key.B))
	}
	for _, value := range s.now.columns {
		s.values = append(s.values, value(s.at))
	}
	s.values = append(s.values, s.now.docs[s.at])
	return s.values, nil
}

// Err is why Next ended.
func (s *source) Err() error { return s.err }

// end stops what is under way, and returns the sums.
func (s *source) end() shardSums {
	s.stop()
	_ = s.group.Wait() // Err has told
	for _, more := range s.sums[1:] {
		for i, shard := range more {
			for name, value := range shard {
				s.sums[0][i][name] += value
			}
		}
	}
	return s.sums[0]
}

// column gives one value of a typed slice.
type column func(i int) any

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
func columnNames(v *projections.View) []string { return append(queried(v), "doc") }

// queried lists the columns that questions filter and sort by.
func queried(v *projections.View) []string {
	names := slices.Clone(v.Keys)
	for _, c := range v.Columns {
		names = append(names, c.Name)
	}
	return names
}

// identifier is a table's name as pgx takes it.
func identifier(table string) pgx.Identifier { return strings.Split(table, ".") }
