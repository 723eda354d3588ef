package cache

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"sical-backend/internal/wire"
)

const (
	hotKeys = 6
	trails  = 8   // positions that a view may be behind the log after a commit
	pauses  = 150 // commits of others meanwhile, at most
)

// truth is a log with the views that are folded from it, each at its own pace. Their rows
// are the positions of their last change.
type truth struct {
	mu    sync.RWMutex
	head  uint64
	views []*folded
	stood [][]uint64 // where the views were, at first and after each commit
	rests int        // one of the views, for so many commits more
	rest  int        // its place
}

// folded is one of the views.
type folded struct {
	name    string
	at      uint64
	build   int               // that is read
	epoch   int64             // of the owner
	changes [hotKeys][]uint64 // of each row, rising; those that are not folded yet as well
}

func newTruth(at uint64, views ...string) *truth {
	v := &truth{head: at + trails} // so that a view may always be so far behind it
	for _, name := range views {
		v.views = append(v.views, &folded{name: name, at: at, build: 1, epoch: 1})
	}
	v.stands()
	return v
}

func (v *truth) stands() {
	at := make([]uint64, len(v.views))
	for place, w := range v.views {
		at[place] = w.at
	}
	v.stood = append(v.stood, at)
}

// change has something happen, and one of the views moves on, as one commit of a projector
// does. What the others miss of it they fold later.
func (v *truth) change(r *rand.Rand) (n wire.Notice) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.head += 1 + r.Uint64N(3)
	for _, w := range v.views {
		for key := range w.changes {
			if r.IntN(6) == 0 {
				w.changes[key] = append(w.changes[key], v.head)
			}
		}
	}
	w := v.views[v.next(r)]
	n = wire.Notice{View: w.name, Version: 1, Build: w.build, Epoch: w.epoch, From: w.at}
	w.at = max(w.at, v.head-r.Uint64N(trails))
	for key := range w.changes {
		if w.row(key, w.at) > n.From {
			n.Keys = append(n.Keys, rowOf(w.name, key))
		}
	}
	n.To, n.Saved = w.at, w.at
	v.stands()
	return n
}

// next is the place of a view that moves on. Now and then one rests, as one that is paused or
// slow does, and what changes in it meanwhile comes all at once.
func (v *truth) next(r *rand.Rand) int {
	if v.rests == 0 && r.IntN(2*pauses) == 0 {
		v.rests, v.rest = r.IntN(pauses), r.IntN(len(v.views))
	}
	if v.rests == 0 {
		return r.IntN(len(v.views))
	}
	v.rests--
	return (v.rest + 1) % len(v.views)
}

// row is a row as it is at a position.
func (w *folded) row(key int, at uint64) uint64 {
	list := w.changes[key]
	n := sort.Search(len(list), func(i int) bool { return list[i] > at })
	if n == 0 {
		return 0
	}
	return list[n-1]
}

// row is a row of a view as it is at a position.
func (v *truth) row(place, key int, at uint64) uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.views[place].row(key, at)
}

func (v *truth) now(place int) (at uint64, build int) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.views[place].at, v.views[place].build
}

// moved is how many commits there were.
func (v *truth) moved() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(v.stood) - 1
}

// flip has the next build of a view read.
func (v *truth) flip(place int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.views[place].build++
}

// pass has another owner of a view go on.
func (v *truth) pass(place int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.views[place].epoch++
}

// asked is what a reader wants: the rows of one number, of one view or of several.
type asked struct {
	key    int
	places []int // of the views
}

// compositions are the views that one answer is read from.
var compositions = [][]int{{0}, {1}, {0, 1}, {1, 0}}

// of are the names of the views and of the rows.
func (q asked) of(v *truth) (views, rows []string) {
	for _, place := range q.places {
		name := v.views[place].name
		views, rows = append(views, name), append(rows, rowOf(name, q.key))
	}
	return views, rows
}

// told is an answer: the rows with how current they are together.
type told struct {
	parts    []part
	position uint64
}

// part is what an answer has of one view.
type part struct {
	row   uint64
	build int    // that it was read from
	at    uint64 // where the view was
}

// slowly reads rows of the present, all at one moment, and takes its time to hand them
// over, long enough for changes and flips to overtake it.
func (v *truth) slowly(q asked) (parts []part) {
	v.mu.RLock()
	for _, place := range q.places {
		w := v.views[place]
		parts = append(parts, part{w.row(q.key, w.at), w.build, w.at})
	}
	v.mu.RUnlock()
	for range rand.IntN(100) {
		runtime.Gosched()
	}
	return parts
}

// absent is the answer to a question for rows of which one is not there, as is the case
// where its last change is at a position of a certain kind: one in four.
type absent struct{ parts []part }

func (absent) Error() string { return "not there" }

// absence is the error of a question of which some part is not there.
func absence(parts []part) error {
	if slices.ContainsFunc(parts, func(p part) bool { return p.row%4 == 3 }) {
		return absent{parts}
	}
	return nil
}

// append writes what an answer's body has of a part.
func (p part) append(body []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(body, p.row), uint64(p.build))
}

// partsOf reads a body.
func partsOf(body []byte) (parts []part) {
	for ; len(body) > 0; body = body[16:] {
		parts = append(parts, part{row: binary.BigEndian.Uint64(body), build: int(binary.BigEndian.Uint64(body[8:]))})
	}
	return parts
}

// promise is how far a process says that it knows a view, and of which build.
type promise struct {
	position uint64
	build    int
}

// stale tells whether an answer is not what was promised: each part has every event of its
// view up to what the process knew of that view before, to the position least that was asked
// for, and to the one that the answer claims, and it is of no build that was read earlier.
// And there was a moment at which all parts stood as they are told.
func (v *truth) stale(q asked, a told, promised []promise, least uint64) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for i, place := range q.places {
		due := max(promised[i].position, least, a.position)
		if a.parts[i].row < v.views[place].row(q.key, due) || a.parts[i].build < promised[i].build {
			return true
		}
	}
	return !v.together(q, a.parts)
}

// together looks at the first moment when no view was behind its part: if one was further
// then, so it was ever after.
func (v *truth) together(q asked, parts []part) bool {
	reached := func(stood []uint64) bool {
		behind := func(place int) bool { return stood[place] < parts[slices.Index(q.places, place)].row }
		return !slices.ContainsFunc(q.places, behind)
	}
	first := sort.Search(len(v.stood), func(m int) bool { return reached(v.stood[m]) })
	if first == len(v.stood) {
		return false
	}
	for i, place := range q.places {
		if v.views[place].row(q.key, v.stood[first][place]) != parts[i].row {
			return false
		}
	}
	return true
}

// rowOf is what projections.View.RowName makes, rowName for the view "v".
func rowOf(view string, key int) string { return view + "/" + strconv.Itoa(key) }

func rowName(key int) string { return rowOf("v", key) }

// keyOf is the number of a row by its name.
func keyOf(row string) (int, error) {
	_, key, _ := strings.Cut(row, "/")
	return strconv.Atoi(key)
}
