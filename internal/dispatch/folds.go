package dispatch

import (
	"context"
	"sync"

	"sical-backend/events"
)

const (
	longFold  = 256 // events of a stream from which on its fold is kept
	mostFolds = 64  // that are kept, of some 50 KB where a text is as long as it may be
)

// folds keeps the folds of long streams, so that such a one is loaded whole once and not
// for each command: whoever has made a stream of their own a hundred thousand events long
// may ask for it as often as for any other. A kept fold is never trusted to be current,
// nor to be of this log: see Dispatcher.current. Folds share nothing that is written to.
type folds struct {
	long int

	mu      sync.Mutex
	kept    map[events.Stream]known
	cleared int // times
}

// of returns what is kept of the streams. since is for put, which thereby finds out whether
// all were cleared meanwhile.
func (f *folds) of(streams []events.Stream) (kept map[events.Stream]known, since int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range streams {
		if k, ok := f.kept[s]; ok {
			if kept == nil { // most often there is none
				kept = map[events.Stream]known{}
			}
			kept[s] = k
		}
	}
	return kept, f.cleared
}

// put keeps a fold that is long enough, where there is no room in place of the shortest
// there is, but not if all were cleared since it was begun.
func (f *folds) put(s events.Stream, k known, since int) {
	if k.version < f.long {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cleared != since {
		return
	}
	if _, ok := f.kept[s]; !ok && len(f.kept) == mostFolds {
		shortest := s
		for other, of := range f.kept {
			if of.version < k.version && (shortest == s || of.version < f.kept[shortest].version) {
				shortest = other
			}
		}
		if shortest == s {
			return
		}
		delete(f.kept, shortest)
	}
	f.kept[s] = k
}

func (f *folds) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.kept)
	f.cleared++
}

// Clear drops what is kept of streams in memory. It has to be called once somebody was
// erased, also by another process.
func (d *Dispatcher) Clear() { d.folds.clear() }

// fold returns the folds of streams as the log has them. Kept ones are continued, and the
// others loaded in one query. Where that ends early with an error, what was folded of a
// long stream is kept, and the next call goes on from there.
func (d *Dispatcher) fold(ctx context.Context, streams ...events.Stream) (map[events.Stream]known, error) {
	kept, since := d.folds.of(streams)
	folded := map[events.Stream]known{}
	var fresh []events.Stream
	for _, s := range streams {
		k, ok := kept[s]
		if !ok {
			fresh = append(fresh, s)
			continue
		}
		var err error
		if folded[s], err = d.current(ctx, s, k, since); err != nil {
			return nil, err
		}
	}
	if len(fresh) == 0 {
		return folded, nil
	}
	err := d.log.Load(ctx, func(e events.Event) { folded[e.Stream] = folded[e.Stream].after(e) }, fresh...)
	for _, s := range fresh {
		d.folds.put(s, folded[s], since)
	}
	return folded, err
}

// current continues a kept fold of a stream, if the log still has the event that it ends
// at. Else it folds the stream from its beginning: the log may have been put back to a
// backup, or a standby without its last events has taken over, and other events followed.
func (d *Dispatcher) current(ctx context.Context, s events.Stream, kept known, since int) (known, error) {
	for ; ; kept = (known{}) {
		now, stands := kept, kept.version == 0
		err := d.log.LoadAfter(ctx, s, kept.version-1, func(e events.Event) {
			if e.Version == kept.version {
				stands = e.ID == kept.last
				return
			}
			now = now.after(e)
		})
		if stands {
			d.folds.put(s, now, since)
		}
		if err != nil || stands {
			return now, err
		}
	}
}
