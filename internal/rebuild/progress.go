package rebuild

import (
	"sync"
	"time"
)

// progress is how far a fill is; any goroutine may ask.
type progress struct {
	mu     sync.Mutex
	begun  time.Time
	phase  string
	to     uint64
	from   float64 // how much of the keys was there when this process began
	share  share   // that is worked on
	last   uint64  // position decoded in this pass
	events int64   // decoded in all passes
	rows   int64   // written
	inPass int     // rows that the pass writes
	out    int     // of them written
}

// The phases of filling a build.
const (
	folding  = "folding"
	copying  = "copying"
	indexing = "indexing"
)

func newProgress(to uint64, first uint64) *progress {
	return &progress{begun: time.Now(), phase: folding, to: max(to, 1), from: fraction(first), share: share{first: first}}
}

// fraction is the part of all keys that comes before one.
func fraction(key uint64) float64 { return float64(key) / (1 << 64) }

func (p *progress) folding(s share) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.share, p.last, p.inPass, p.out = folding, s, 0, 0, 0
}

func (p *progress) decoded(n int, last, limit uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events += int64(n)
	p.last, p.share.last = max(p.last, last), limit
}

func (p *progress) copying(s share, rows int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.share, p.last, p.inPass = copying, s, p.to, rows
}

func (p *progress) copied(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out += n
	p.rows += int64(n)
}

func (p *progress) indexing() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.share, p.last = indexing, share{whole.last, whole.last}, p.to
}

// Status is how far a fill is.
type Status struct {
	Phase   string
	Percent float64       // of the fill
	Rate    float64       // events a second since this process took it on
	ETA     time.Duration // until it is filled, as its pace so far suggests; 0 where that is unknown
	Events  int64         // decoded
	Rows    int64         // written
}

// foldPart is about the part of a pass that decoding and folding take; writing takes the
// rest. passPart is about the part of a fill that the passes take; indexes take the rest.
const (
	foldPart = 0.6
	passPart = 0.9
)

func (p *progress) status(now time.Time) Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	inPass := foldPart * float64(p.last) / float64(p.to)
	if p.phase == copying {
		inPass = foldPart + (1-foldPart)*float64(p.out)/float64(max(p.inPass, 1))
	}
	first := fraction(p.share.first)
	done := passPart * (first + inPass*(fraction(p.share.last)-first))
	took := now.Sub(p.begun)
	s := Status{Phase: p.phase, Percent: 100 * done, Events: p.events, Rows: p.rows, Rate: float64(p.events) / took.Seconds()}
	if made := done - passPart*p.from; made > 0.01 {
		s.ETA = time.Duration(float64(took) * (1 - done) / made)
	}
	return s
}
