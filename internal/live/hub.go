package live

import (
	"errors"
	"sync"

	"sical-backend/events"
)

// ErrTooMany is returned where one user has as many streams open as may be.
var ErrTooMany = errors.New("live: too many streams of one user")

// ErrFull is returned where the process has as many streams open as may be.
var ErrFull = errors.New("live: too many streams")

// Hub knows the open streams of this process, and what wakes each.
type Hub struct {
	most, each int

	mu     sync.Mutex
	open   map[*Stream]struct{}
	users  map[events.ID]int
	byName map[string]map[*Stream]struct{}
	done   chan struct{}
}

// NewHub returns a Hub of at most so many streams, and so many of each user.
func NewHub(most, each int) *Hub {
	return &Hub{
		most: most, each: each, done: make(chan struct{}),
		open: map[*Stream]struct{}{}, users: map[events.ID]int{}, byName: map[string]map[*Stream]struct{}{},
	}
}

// Stream is an open stream of one user. Its methods are for one goroutine.
type Stream struct {
	hub   *Hub
	user  events.ID
	names []string
	wake  chan struct{}
}

// Open enters a stream of a user; it must be closed. It fails with ErrTooMany and
// ErrFull.
func (h *Hub) Open(user events.ID) (*Stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case len(h.open) >= h.most:
		return nil, ErrFull
	case h.users[user] >= h.each:
		return nil, ErrTooMany
	}
	s := &Stream{hub: h, user: user, wake: make(chan struct{}, 1)}
	h.open[s] = struct{}{}
	h.users[user]++
	return s, nil
}

// Watch has the stream woken by changes of these names, as answers depend on
// them, in place of those before. It reports whether there were any new ones:
// what changed under those before this call has woken nobody.
func (s *Stream) Watch(names ...string) (more bool) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := map[string]bool{}
	for _, name := range names {
		kept[name] = true
		streams := h.byName[name]
		if streams == nil {
			streams = map[*Stream]struct{}{}
			h.byName[name] = streams
		}
		if _, known := streams[s]; !known {
			streams[s], more = struct{}{}, true
		}
	}
	for _, name := range s.names {
		if !kept[name] {
			h.leave(s, name)
		}
	}
	s.names = names
	return more
}

func (h *Hub) leave(s *Stream, name string) {
	delete(h.byName[name], s)
	if len(h.byName[name]) == 0 {
		delete(h.byName, name)
	}
}

// Woken has a value once something has changed since the last one was taken.
func (s *Stream) Woken() <-chan struct{} { return s.wake }

// Done is closed when all streams have to end.
func (h *Hub) Done() <-chan struct{} { return h.done }

// Close takes the stream out.
func (s *Stream) Close() {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range s.names {
		h.leave(s, name)
	}
	delete(h.open, s)
	if h.users[s.user]--; h.users[s.user] == 0 {
		delete(h.users, s.user)
	}
}

// Changed wakes the streams that watch any of the names, or all there are. It does
// not block.
func (h *Hub) Changed(names []string, all bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if all {
		wake(h.open)
		return
	}
	for _, name := range names {
		wake(h.byName[name])
	}
}

func wake(streams map[*Stream]struct{}) {
	for s := range streams {
		select {
		case s.wake <- struct{}{}:
		default: // it will ask anyway
		}
	}
}

// Len is how many streams are open.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.open)
}

// Close has all streams end. It may be called more than once.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.done:
	default:
		close(h.done)
	}
}
