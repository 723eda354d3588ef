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

// of is what is kept of the streams, and since when, which put wants to know.
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

// put keeps a fold that is long enough, in place of any other where there is no room, but
// not if all were cleared since it was begun.
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
		for other := range f.kept {
			delete(f.kept, other)
			break
		}
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

// fold is the folds of streams by the log itself: those that are kept gone on from, the
// others in one query. As far as it came before an error, a long one goes on from there
// the next time.
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

// current is the fold of a stream, gone on from what is kept of it if that ends at an
// event that still stands there: the log may go back under a process, to a backup or to a
// standby that had not the last of it, and then goes on otherwise.
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
