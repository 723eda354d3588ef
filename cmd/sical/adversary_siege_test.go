package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"sical-backend/internal/testkit"
)

// siege is a system in which everybody looks at what is being changed.
type siege struct {
	t         *testing.T
	stories   [4]atomic.Pointer[story] // that are played, one after the other in each place
	processes []*besieged
	answers   atomic.Int64
	stale     atomic.Int64
	statuses  [600]atomic.Int64
}

// besieged is a query process, and how far it has told anybody that an answer is current, by
// what was asked.
type besieged struct {
	*system
	mu   sync.Mutex
	told map[string]uint64
}

// tell returns how far the process has told an answer to be current, from now on at least a
// position.
func (b *besieged) tell(question string, position uint64) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told[question] = max(b.told[question], position)
	return b.told[question]
}

const (
	readers = 12 // look at stories until told to end
	looks   = 10 // of each writer between two steps of a story
)

// begin has stories played and looked at; end waits for all of them.
func (s *siege) begin(commands *system, processes ...*besieged) (end func()) {
	s.t, s.processes = commands.t, processes
	stop := make(chan struct{})
	var all sync.WaitGroup
	for place := range s.stories {
		owner, token, _ := commands.account(fmt.Sprint("writer", place))
		all.Go(func() { s.write(place, owner, token, stop) })
	}
	for range readers {
		all.Go(func() {
			known := map[string]noted{}
			for !closed(stop) {
				s.ask(known)
			}
		})
	}
	end = sync.OnceFunc(func() {
		close(stop)
		all.Wait()
	})
	s.t.Cleanup(end)
	return end
}

func closed(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// write has stories played in a place until told to end. Between two steps it looks on for a
// while: what changes all the time is never remembered.
func (s *siege) write(place int, owner, token string, stop <-chan struct{}) {
	c := s.processes[0].system
	for known := (map[string]noted{}); !closed(stop); {
		now := &story{goal: uuid.NewString(), owner: owner, token: token}
		s.stories[place].Store(now)
		now.live(c, func() {
			for range looks {
				s.ask(known)
			}
		})
	}
}

// more waits until so many more answers have come.
func (s *siege) more(answers int64) {
	s.t.Helper()
	enough := s.answers.Load() + answers
	testkit.Eventually(s.t, func() error {
		if now := s.answers.Load(); now < enough {
			return fmt.Errorf("%d answers instead of %d", now, enough)
		}
		return nil
	})
}

// noted is what a reader has been answered, with its ETag.
type noted struct {
	etag   string
	titles map[string]string
}

// question is one for a goal, for several or for a list.
func (s *siege) question() (path string, about []*story) {
	for i := range s.stories {
		if begun := s.stories[i].Load(); begun != nil {
			about = append(about, begun)
		}
	}
	if len(about) == 0 {
		return "", nil // nothing has begun yet
	}
	one := about[rand.IntN(len(about))]
	switch rand.IntN(3) {
	case 0:
		return "/v1/goals/" + one.goal, []*story{one}
	case 1:
		return "/v1/users/" + one.owner + "/goals", []*story{one}
	default:
		var ids []string
		for _, of := range about {
			ids = append(ids, of.goal)
		}
		return "/v1/goals?ids=" + strings.Join(ids, ","), about
	}
}

// ask asks as whoever, by whichever process, with and without a position that the answer must
// have, and an ETag. It counts what is older than it had to be: than the position that it
// was to have, or names, or than the process had told before for the same question.
func (s *siege) ask(known map[string]noted) {
	p, token, headers := s.processes[rand.IntN(len(s.processes))], "", []string(nil)
	path, about := s.question()
	if len(about) == 0 {
		return
	}
	if rand.IntN(2) == 0 {
		token = about[0].token
	}
	name := p.url + path + token
	least := p.tell(name, 0)
	if rand.IntN(4) == 0 {
		asked := about[rand.IntN(len(about))].latest()
		least = max(least, asked)
		headers = append(headers, "Sical-Min-Position", strconv.FormatUint(asked, 10))
	}
	if rand.IntN(2) == 0 && known[name].etag != "" {
		headers = append(headers, "If-None-Match", known[name].etag)
	}
	r := p.send(http.MethodGet, path, token, "", headers...)
	s.statuses[r.status].Add(1)
	titles := r.titles()
	switch r.status {
	case http.StatusOK:
		known[name] = noted{r.header.Get("ETag"), titles}
	case http.StatusNotModified:
		titles = known[name].titles
	case http.StatusNotFound:
	case http.StatusServiceUnavailable: // it has not come so far, and says so
		return
	default:
		s.t.Errorf("%s: %d %s", path, r.status, r.body)
		return
	}
	s.answers.Add(1)
	least = max(least, r.position())
	for _, of := range about {
		if knows, must := of.knows(titles[of.goal]), of.least(least); knows < must {
			s.stale.Add(1)
			s.t.Logf("%d of %s knows %d of %d steps by %d, its own position is %d", r.status, path, knows, must, least, r.position())
		}
	}
	p.tell(name, r.position())
}

// besiege has a process asked by a client that nothing checks, as that takes longer than the
// answers.
func besiege(s *system) *besieged {
	transport := &http.Transport{MaxIdleConnsPerHost: readers}
	s.t.Cleanup(transport.CloseIdleConnections)
	asked := *s
	asked.client = &http.Client{Transport: transport}
	return &besieged{system: &asked, told: map[string]uint64{}}
}
