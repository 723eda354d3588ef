package web

import (
	"hash/maphash"
	"sync"
	"time"
)

// Limiter allows each key a steady rate and a burst by the generic cell rate
// algorithm (ITU-T I.371, virtual scheduling): all it keeps of a key is the
// theoretical arrival time, when its burst will be whole again.
//
// Its memory is fixed. Keys live in a table of small sets; a newcomer to a full
// set takes the place of the key that is nearest to its whole burst, for which
// being forgotten changes least (nothing at all, once the burst is whole). A flood
// of keys can so win others a fresh burst, never take requests from them.
type Limiter struct {
	interval int64 // nanoseconds from one request to the next at the steady rate
	burst    int64
	start    time.Time
	seed     maphash.Seed
	sets     []limiterSet
}

const (
	limiterWays = 4
	limiterSets = 1 << 14 // 65,536 keys in 1.2 MiB
)

type limiterSet struct {
	mu   sync.Mutex
	keys [limiterWays]uint64
	tats [limiterWays]int64 // theoretical arrival times, nanoseconds since start
}

// Verdict is a limiter's answer for one request.
type Verdict struct {
	Allowed    bool
	Remaining  int           // requests that would be allowed at once
	Whole      time.Duration // until the burst is whole again
	RetryAfter time.Duration // until what was asked for is allowed; 0 if it is now
}

// NewLimiter allows perSecond requests a second (at least 1) and at most burst
// (at least 1) at once for each key, from now on.
func NewLimiter(perSecond, burst int, now time.Time) *Limiter {
	return newLimiter(perSecond, burst, limiterSets, now)
}

func newLimiter(perSecond, burst, sets int, now time.Time) *Limiter {
	return &Limiter{
		interval: max(int64(time.Second)/int64(max(perSecond, 1)), 1),
		burst:    int64(max(burst, 1)),
		start:    now,
		seed:     maphash.MakeSeed(),
		sets:     make([]limiterSet, sets),
	}
}

// Allow takes one request off what key has left, if there is any.
func (l *Limiter) Allow(key []byte, now time.Time) Verdict { return l.AllowN(key, 1, now) }

// AllowN takes n requests (at least 1) off what key has left, or none where it has fewer.
// More than a burst are never allowed.
func (l *Limiter) AllowN(key []byte, n int, now time.Time) Verdict {
	cost := int64(n) * l.interval
	return l.judge(key, now, cost, cost)
}

// Check says what Allow would, without taking anything.
func (l *Limiter) Check(key []byte, now time.Time) Verdict { return l.judge(key, now, l.interval, 0) }

// judge takes cost off what key has left, if there is as much as is needed.
func (l *Limiter) judge(key []byte, at time.Time, needed, cost int64) Verdict {
	hash := maphash.Bytes(l.seed, key)
	set := &l.sets[hash%uint64(len(l.sets))]
	now := int64(at.Sub(l.start))

	set.mu.Lock()
	way := set.find(hash)
	tat := now // of a key that is not there: its burst is whole
	if set.keys[way] == hash {
		tat = max(set.tats[way], now)
	}
	next := tat + needed - now
	allowed := next <= l.burst*l.interval
	if allowed {
		tat += cost
	}
	if cost > 0 {
		set.keys[way], set.tats[way] = hash, tat
	}
	set.mu.Unlock()

	v := Verdict{Allowed: allowed, Whole: time.Duration(tat - now)}
	left := l.burst*l.interval - v.Whole.Nanoseconds() // below 0 if the others' clock is ahead
	v.Remaining = int(max(left, 0) / l.interval)
	if !allowed {
		v.RetryAfter = time.Duration(next - l.burst*l.interval)
	}
	return v
}

// find is the key's place, or the one it may take.
func (s *limiterSet) find(hash uint64) int {
	oldest := 0
	for i, k := range s.keys {
		if k == hash {
			return i
		}
		if s.tats[i] < s.tats[oldest] {
			oldest = i
		}
	}
	return oldest
}
