package rebuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/projections"
)

// Log is read in bulk.
type Log interface {
	Scan(ctx context.Context, after, to uint64, types []string, add func(eventlog.Block) error) error
}

// EventError says which event could not be folded.
type EventError struct {
	Position uint64
	Stream   events.Stream
	Type     string
	Err      error
}

func (e *EventError) Error() string {
	return fmt.Sprintf("event %d (%s of %s): %v", e.Position, e.Type, e.Stream, e.Err)
}

// Unwrap gives what went wrong with it.
func (e *EventError) Unwrap() error { return e.Err }

// row is one row of the view with its key.
type row struct {
	key   projections.Key
	value projections.Row
}

// pass folds the part of the log up to a position that touches one share of the
// keys. Blocks are decoded by any goroutine; the rows are parted among folders by
// their keys, and each folder takes the blocks in the log's order.
type pass struct {
	view     *projections.View
	to       uint64
	memory   int64 // bytes that the rows may take
	pace     pace
	progress *progress

	share   share         // that was asked for
	limit   atomic.Uint64 // its last key, lowered by a folder that runs out of memory
	unknown atomic.Int64  // that only a newer binary can read
	folders []*folder
}

// work is a block on its way.
type work struct {
	block   eventlog.Block
	touched [][]touch     // for each folder, in the log's order
	decoded chan struct{} // closed when touched is there
}

type touch struct {
	key   projections.Key
	event *events.Event
}

// folder folds the rows whose keys fall to it.
type folder struct {
	rows  map[projections.Key]projections.Row
	limit uint64 // of the keys in rows
	queue chan *work
	size  sizer
}

// run folds, and returns the share that it found room for.
func (p *pass) run(ctx context.Context, log Log, s share) (share, error) {
	p.share = s
	p.limit.Store(s.last)
	p.progress.folding(s)
	n := runtime.GOMAXPROCS(0)
	group, ctx := errgroup.WithContext(ctx)
	decode := make(chan *work, 2*n)
	p.folders = make([]*folder, n)
	for i := range p.folders {
		f := &folder{rows: map[projections.Key]projections.Row{}, limit: s.last, queue: make(chan *work, 2*n)}
		p.folders[i] = f
		group.Go(func() error { return p.foldAll(ctx, f, i) })
		group.Go(func() error { return p.decodeAll(ctx, decode) })
	}
	group.Go(func() error {
		defer close(decode)
		for _, f := range p.folders {
			defer close(f.queue)
		}
		return log.Scan(ctx, 0, p.to, p.view.Events, func(b eventlog.Block) error {
			w := &work{block: b, decoded: make(chan struct{})}
			for _, f := range p.folders {
				if !send(ctx, f.queue, w) {
					return ctx.Err()
				}
			}
			if !send(ctx, decode, w) {
				return ctx.Err()
			}
			return nil
		})
	})
	if err := group.Wait(); err != nil {
		return share{}, err
	}
	for _, f := range p.folders {
		f.shed(p.limit.Load())
	}
	return share{s.first, p.limit.Load()}, nil
}

func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *pass) decodeAll(ctx context.Context, queue <-chan *work) error {
	for w := range queue {
		n, last, err := p.decode(w)
		if err != nil {
			return err
		}
		close(w.decoded)
		p.progress.decoded(n, last, p.limit.Load())
		if err := p.pace.wait(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) decode(w *work) (n int, last uint64, err error) {
	w.touched = make([][]touch, len(p.folders))
	err = w.block.Each(func(e *events.Event) error {
		n, last = n+1, e.Position
		keys, err := touches(p.view, e)
		var unknown events.UnknownType
		if errors.As(err, &unknown) {
			if p.share.first == 0 {
				p.unknown.Add(1) // once, however often the log is read
			}
			return nil
		}
		if err != nil {
			return &EventError{e.Position, e.Stream, e.Type, err}
		}
		for _, k := range keys {
			if h := spread(k); p.share.first <= h && h <= p.limit.Load() {
				to := h % uint64(len(p.folders))
				w.touched[to] = append(w.touched[to], touch{k, e})
			}
		}
		return nil
	})
	w.block = eventlog.Block{}
	return n, last, err
}

// touches decodes an event and finds its keys.
func touches(v *projections.View, e *events.Event) (keys []projections.Key, err error) {
	defer recovered(&err)
	if e.Data, err = events.Decode(e.Type, e.Schema, e.Raw); err != nil {
		return nil, err
	}
	e.Raw = nil
	return v.Touches(*e), nil
}

// recovered makes an error of a panic of the view's own functions.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
}

func (p *pass) foldAll(ctx context.Context, f *folder, own int) error {
	for w := range f.queue {
		select {
		case <-w.decoded:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, t := range w.touched[own] {
			if err := f.fold(p.view, t); err != nil {
				return &EventError{t.event.Position, t.event.Stream, t.event.Type, err}
			}
		}
		w.touched[own] = nil
		p.bound(f)
	}
	return nil
}

func (f *folder) fold(v *projections.View, t touch) (err error) {
	defer recovered(&err)
	before := f.rows[t.key]
	switch after := v.Fold(t.key, before, *t.event); {
	case after == nil:
		delete(f.rows, t.key)
	case after != before: // and not changed in place
		f.rows[t.key] = after
	}
	return nil
}

// leastRows are kept by a folder whatever their size: a pass has to get somewhere.
const leastRows = 100

// bound keeps the folder within its part of the memory: where its rows outgrow
// that, everyone gives up the upper half of the keys, for another pass.
func (p *pass) bound(f *folder) {
	limit := p.limit.Load()
	if f.size.of(f.rows) > p.memory/int64(len(p.folders)) && len(f.rows) > leastRows {
		half := share{p.share.first, f.limit}.half().last
		for limit > half && !p.limit.CompareAndSwap(limit, half) {
			limit = p.limit.Load()
		}
		limit = min(limit, half)
	}
	if limit < f.limit {
		f.shed(limit)
	}
}

// shed lets go of the rows behind a limit.
func (f *folder) shed(limit uint64) {
	f.limit = limit
	for k := range f.rows {
		if spread(k) > limit {
			delete(f.rows, k)
		}
	}
	// A map does not shrink by itself.
	rows := make(map[projections.Key]projections.Row, len(f.rows))
	for k, v := range f.rows {
		rows[k] = v
	}
	f.rows = rows
}

// sorted takes the rows out of the folders, in the order of their keys, which
// makes both the table and its indexes better ordered.
func (p *pass) sorted() []row {
	var total int
	var group sync.WaitGroup
	runs := make([][]row, len(p.folders))
	for i, f := range p.folders {
		total += len(f.rows)
		group.Go(func() {
			for k, v := range f.rows {
				runs[i] = append(runs[i], row{k, v})
			}
			f.rows = nil
			slices.SortFunc(runs[i], func(a, b row) int { return compareKeys(a.key, b.key) })
		})
	}
	group.Wait()
	return merge(runs, total)
}

func merge(runs [][]row, total int) []row {
	all := make([]row, 0, total)
	for {
		least := -1
		for i, run := range runs {
			if len(run) > 0 && (least < 0 || compareKeys(run[0].key, runs[least][0].key) < 0) {
				least = i
			}
		}
		if least < 0 {
			return all
		}
		all, runs[least] = append(all, runs[least][0]), runs[least][1:]
	}
}

func compareKeys(a, b projections.Key) int {
	return cmp.Or(slices.Compare(a.A[:], b.A[:]), slices.Compare(a.B[:], b.B[:]))
}
