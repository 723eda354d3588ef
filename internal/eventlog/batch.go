package eventlog

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"sical-backend/events"
)

// A batch holds at most this much, so that nobody holds the log's lock long.
const (
	maxBatchEvents = 500
	maxBatchBytes  = 1 << 20
)

// batch is what one call of sical.append gets, as parallel arrays.
type batch struct {
	entries []*Entry
	events  int
	bytes   int
	seen    uint64 // a position the log had reached before the first try

	streams  []string
	ordinals map[events.Stream]int32 // of streams, from 1 on
	last     []written               // of each stream
	commands map[events.ID]bool
	claims   map[string]bool
	releases bool              // an entry may give up a unique value
	stuck    map[*request]bool // an entry of it was put off: the rest must wait too

	guards []guarded
}

// written is what this batch does to a stream.
type written struct {
	count   int32 // events in this batch; the rest is set where there are some
	final   bool
	owner   events.ID
	request *request // who wrote last
}

// guarded is a guard that the server has to check, and how far the batch itself
// has moved the stream before it.
type guarded struct {
	entry  int
	stream int32
	guard  Guard
	offset int32
}

// newBatch is empty, with room for some entries of two streams each.
func newBatch(entries int) *batch {
	return &batch{
		entries:  make([]*Entry, 0, entries),
		streams:  make([]string, 0, 2*entries),
		ordinals: make(map[events.Stream]int32, 2*entries),
		last:     make([]written, 0, 2*entries),
		commands: map[events.ID]bool{},
		claims:   map[string]bool{},
		stuck:    map[*request]bool{},
	}
}

// full tells whether e has to wait for the next batch.
func (b *batch) full(e *Entry) bool {
	return len(b.entries) > 0 && (b.events+len(e.stored) > maxBatchEvents || b.bytes+e.bytes > maxBatchBytes)
}

// add takes an entry in, unless its judgement depends on how one before it in
// the batch fares; then it has to wait until that is settled.
func (b *batch) add(e *Entry) bool {
	if b.stuck[e.request] || !b.fits(e) {
		b.stuck[e.request] = true
		return false
	}
	n := len(b.entries)
	for _, g := range e.Guards {
		stream := b.ordinal(g.Stream)
		moved := b.last[stream-1].count
		if moved > 0 && g.Version == Live {
			continue // fits has found it there, and living
		}
		b.guards = append(b.guards, guarded{n, stream, g, moved})
	}
	if e.Command != (events.ID{}) {
		b.commands[e.Command] = true
		b.ordinal(e.Stream)
	}
	for _, c := range e.Claims {
		b.claims[string(c.Key)] = true
	}
	b.releases = b.releases || e.releases()
	for i := range e.stored {
		s := &e.stored[i]
		s.ordinal = b.ordinal(s.stream)
		w := &b.last[s.ordinal-1]
		w.count++
		w.final, w.owner, w.request = s.final, s.owner, e.request
	}
	b.entries = append(b.entries, e)
	b.events += len(e.stored)
	b.bytes += e.bytes
	return true
}

func (b *batch) fits(e *Entry) bool {
	if b.commands[e.Command] {
		return false
	}
	for _, c := range e.Claims {
		if b.releases || c.Key != nil && b.claims[string(c.Key)] {
			return false
		}
	}
	for _, g := range e.Guards {
		n := b.ordinals[g.Stream]
		if n == 0 || b.last[n-1].count == 0 {
			continue
		}
		w := b.last[n-1]
		if g.Version == Live && (w.final || g.Owner != (events.ID{}) && g.Owner != w.owner) {
			return false
		}
		if g.Version != Live && w.request != e.request {
			return false
		}
	}
	return true
}

// releases tells whether e may give up a unique value or change one. Entries after it may
// claim the same value, but one call takes all its claims at once. Somebody who registers
// has no value to give up yet.
func (e *Entry) releases() bool {
	return e.Forget || len(e.Claims) > 0 && !slices.Contains(e.Guards, Guard{Stream: e.Stream})
}

func (b *batch) ordinal(s events.Stream) int32 {
	n, ok := b.ordinals[s]
	if !ok {
		b.streams = append(b.streams, string(s))
		b.last = append(b.last, written{})
		n = int32(len(b.streams))
		b.ordinals[s] = n
	}
	return n
}

// extra is what is rare, as the JSON that sical.append takes apart.
type extra struct {
	Claims      []extraClaim      `json:"claims"`
	Keys        []extraKey        `json:"keys"`
	Credentials []extraCredential `json:"credentials"`
	Ended       []extraEnded      `json:"ended"`
	Forgotten   []extraSubject    `json:"forgotten"`
	Secrets     []extraSecret     `json:"secrets"`
}

type extraClaim struct {
	Command int           `json:"command"`
	Kind    string        `json:"kind"`
	Key     *string       `json:"key"`
	Stream  events.Stream `json:"stream"`
}

type extraKey struct {
	Subject events.ID `json:"subject"`
	Wrapped string    `json:"wrapped"`
}

type extraCredential struct {
	Subject events.ID `json:"subject"`
	Hash    string    `json:"hash"`
}

type extraEnded struct {
	Subject events.ID  `json:"subject"`
	Spare   *events.ID `json:"spare"`
}

// extraSecret is a webhook's new secret, or nil for the end of the one it has.
type extraSecret struct {
	Subject events.ID `json:"subject"`
	Sealed  *string   `json:"sealed"`
}

type extraSubject struct {
	Subject events.ID `json:"subject"`
}

func (b *batch) extra() ([]byte, error) {
	var x extra
	any := false
	for i, e := range b.entries {
		for _, c := range e.Claims {
			claim := extraClaim{Command: i + 1, Kind: c.Kind, Stream: c.Stream}
			if c.Key != nil {
				key := hex.EncodeToString(c.Key)
				claim.Key = &key
			}
			x.Claims = append(x.Claims, claim)
		}
		if e.newKey != nil {
			x.Keys = append(x.Keys, extraKey{e.Subject, hex.EncodeToString(e.newKey)})
		}
		if e.Credential != "" {
			x.Credentials = append(x.Credentials, extraCredential{e.Subject, e.Credential})
		}
		if e.EndSessions {
			ended := extraEnded{Subject: e.Subject}
			if e.Spare != (events.ID{}) {
				ended.Spare = &e.Spare
			}
			x.Ended = append(x.Ended, ended)
		}
		if e.Forget {
			x.Forgotten = append(x.Forgotten, extraSubject{e.Subject})
		}
		if e.sealed != nil || e.DropSecret {
			secret := extraSecret{Subject: e.Subject}
			if e.sealed != nil {
				secret.Sealed = new(hex.EncodeToString(e.sealed))
			}
			x.Secrets = append(x.Secrets, secret)
		}
		any = any || len(e.Claims) > 0 || e.newKey != nil || e.Effects != (events.Effects{})
	}
	if !any {
		return nil, nil
	}
	return json.Marshal(x)
}

// expiry is when a remembered command may be forgotten, nil for never.
func (e *Entry) expiry(now time.Time) *time.Time {
	if e.Keep == 0 {
		return nil
	}
	t := now.Add(e.Keep)
	return &t
}
