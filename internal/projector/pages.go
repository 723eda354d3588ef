package projector

import (
	"context"
	"slices"
	"sync"

	"sical-backend/events"
)

// keptPages is how many pages of the log wait for other views to need them.
const keptPages = 4

// pages are what the views that are behind read of the log. Such views move on
// side by side, mostly over the same events, so each page is read and decoded
// once and shared.
type pages struct {
	read func(ctx context.Context, after uint64) ([]*events.Event, error)

	mu     sync.Mutex
	latest []*page // the oldest first
	used   bool    // since the last sweep
}

type page struct {
	after uint64
	mu    sync.Mutex // held while it is read
	list  []*events.Event
}

// after returns the events that follow a position, never to be written to.
func (p *pages) after(ctx context.Context, position uint64) ([]*events.Event, error) {
	g := p.page(position)
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.list) == 0 {
		var err error
		if g.list, err = p.read(ctx, position); err != nil {
			return nil, err
		}
	}
	return g.list, nil
}

func (p *pages) page(after uint64) *page {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used = true
	for _, g := range p.latest {
		if g.after == after {
			return g
		}
	}
	if len(p.latest) == keptPages {
		p.latest = slices.Delete(p.latest, 0, 1)
	}
	g := &page{after: after}
	p.latest = append(p.latest, g)
	return g
}

// sweep lets go of all pages if none was asked for since the last sweep.
func (p *pages) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.used {
		p.latest = nil
	}
	p.used = false
}
