package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// renames is how often each goal is renamed until it is deleted.
const renames = 12

// story is what happens to a goal that people ask for from before it is made until after it
// is deleted, step by step; its title says how far it is.
type story struct {
	goal, owner, token string

	mu     sync.Mutex
	done   []uint64 // by which position each step was done, as far as its writer knows
	ending atomic.Bool
}

// latest is by when all that its writer knows of was done.
func (s *story) latest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.done) == 0 {
		return 0
	}
	return s.done[len(s.done)-1]
}

// least is how many steps an answer must know that has everything up to the position.
func (s *story) least(position uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	after, _ := slices.BinarySearch(s.done, position+1)
	return after
}

// knows is how many steps an answer knows at most, in which the goal has that title, "" where
// it is not there: not yet, or not any more.
func (s *story) knows(title string) (steps int) {
	switch {
	case title != "":
		fmt.Sscanf(title, "step %d", &steps)
	case s.ending.Load():
		steps = 1 + renames + 1
	}
	return steps
}

// live plays the story, and calls between between its steps.
func (s *story) live(c *system, between func()) {
	path := "/v1/goals/" + s.goal
	for step := 1; step <= 1+renames; step++ {
		title := fmt.Sprintf(`"title":"step %d"`, step)
		if step == 1 {
			s.take(c, http.MethodPost, "/v1/goals", fmt.Sprintf(`{"id":%q,"visibility":"public",%s}`, s.goal, title))
		} else {
			s.take(c, http.MethodPatch, path, "{"+title+"}")
		}
		between()
	}
	s.ending.Store(true)
	s.take(c, http.MethodDelete, path, "")
}

// take takes one step.
func (s *story) take(c *system, method, path, body string) {
	r := c.perseveres(method, path, s.token, body)
	if r.status != http.StatusOK && r.status != http.StatusCreated {
		c.t.Errorf("%s %s: %d %s", method, path, r.status, r.body)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, r.position())
}

// send is try that fails the test, for others than the test's own goroutine.
func (s *system) send(method, path, token, body string, headers ...string) reply {
	r, err := s.try(method, path, token, body, headers...)
	if err != nil {
		s.t.Error(err)
	}
	return r
}

// position is that of an answer, 0 where it tells none.
func (r reply) position() (position uint64) {
	fmt.Sscan(r.header.Get("Sical-Position"), &position)
	return position
}

// titles are those of the goals in an answer, which may be one or a list.
func (r reply) titles() map[string]string {
	found := map[string]string{}
	for _, item := range strings.Split(r.body, `{"id":"`)[1:] {
		id, rest, _ := strings.Cut(item, `"`)
		_, rest, _ = strings.Cut(rest, `"title":"`)
		title, _, _ := strings.Cut(rest, `"`)
		found[id] = title
	}
	return found
}
