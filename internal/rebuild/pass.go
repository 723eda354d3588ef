package rebuild

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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

// pass folds, up to a position, what the log says of one share of the keys. Blocks are
// decoded by any goroutine. The rows are divided among folders by their keys, and each
// folder takes the blocks in the log's order.
type pass struct {
	view     *projections.View
	to       uint64
	memory   int64 // bytes that the rows may take
	pace     pace
	progress *progress

	share   share         // that was asked for
	limit   atomic.Uint64 // its last key, lowered by a folder that runs out of memory
	unknown sync.Map      // forms of events that only a newer binary can read
	folders []*folder
	spent   sync.Pool // of *work
}

// work is a block on its way, used again for a later one once all have folded it.
type work struct {
	block   eventlog.Block
	events  []events.Event // of the block that touch anything
	touched [][]touch      // for each folder, in the log's order
	decoded chan struct{}  // holds a token for each folder when touched is there
	folding atomic.Int32   // how many folders have yet to fold it
}

type touch struct {
	key    projections.Key
	spread uint64 // of the key
	event  int    // in events
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
		f := newFolder(s.last, 2*n)
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
			w := p.work(b)
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

// work is for a block.
func (p *pass) work(b eventlog.Block) *work {
	w, ok := p.spent.Get().(*work)
	if !ok {
		w = &work{touched: make([][]touch, len(p.folders)), decoded: make(chan struct{}, len(p.folders))}
	}
	w.block, w.events = b, w.events[:0]
	for i := range w.touched {
		w.touched[i] = w.touched[i][:0]
	}
	w.folding.Store(int32(len(p.folders)))
	return w
}

// skipped are the forms of the events that were stepped over.
func (p *pass) skipped() (forms []string) {
	p.unknown.Range(func(form, _ any) bool {
		forms = append(forms, form.(string))
		return true
	})
	slices.Sort(forms)
	return forms
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
		begun := time.Now()
		n, last, err := p.decode(w)
		if err != nil {
			return err
		}
		for range p.folders {
			w.decoded <- struct{}{}
		}
		p.progress.decoded(n, last, p.limit.Load())
		if err := p.pace.wait(ctx, n, time.Since(begun)); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) decode(w *work) (n int, last uint64, err error) {
	err = w.block.Each(func(e *events.Event) error {
		n, last = n+1, e.Position
		keys, err := touches(p.view, e)
		var unknown events.UnknownType
		if errors.As(err, &unknown) {
			p.unknown.Store(unknown.Form(), true)
			return nil
		}
		if err != nil {
			return &EventError{e.Position, e.Stream, e.Type, err}
		}
		touched := false
		for _, k := range keys {
			if h := spread(k); p.share.first <= h && h <= p.limit.Load() {
				to := h % uint64(len(p.folders))
				w.touched[to] = append(w.touched[to], touch{k, h, len(w.events)})
				touched = true
			}
		}
		if touched {
			w.events = append(w.events, *e)
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
