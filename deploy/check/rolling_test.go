package check

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// balancer sends requests to those of its processes that say they are ready, as a
// Service does.
type balancer struct {
	mu    sync.Mutex
	all   []*process
	ready []*process
	turn  int
}

func (b *balancer) set(i int, p *process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all[i] = p
}

// watch asks every process until the test ends.
func (b *balancer) watch(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	t.Cleanup(tick.Stop)
	var running sync.WaitGroup
	running.Go(func() {
		for range tick.C {
			if t.Context().Err() != nil {
				return
			}
			b.look()
		}
	})
	t.Cleanup(running.Wait)
	b.look()
}

// impatient asks no longer than a probe does.
var impatient = &http.Client{Timeout: time.Second}

func (b *balancer) look() {
	b.mu.Lock()
	all, before := slices.Clone(b.all), b.ready
	b.mu.Unlock()
	says := make([]bool, len(all))
	var asked sync.WaitGroup
	for i, p := range all { // at once: the answer of one is not waited for at the other's expense
		asked.Go(func() {
			response, err := impatient.Get("http://" + p.env["SICAL_ADMIN_LISTEN"] + "/ready")
			if err != nil {
				says[i] = os.IsTimeout(err) && slices.Contains(before, p) // the machine is busy, which takes nobody out
				return
			}
			response.Body.Close()
			says[i] = response.StatusCode == http.StatusOK
		})
	}
	asked.Wait()
	var ready []*process
	for i, p := range all {
		if says[i] {
			ready = append(ready, p)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(ready) > 0 { // none at all: the machine is too busy to tell
		b.ready = ready
	}
}

func (b *balancer) pick() *process {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	return b.ready[b.turn%len(b.ready)]
}

// TestRollingRestart replaces every process of both HTTP roles under load, one after
// the other, and wants no request to fail.
func TestRollingRestart(t *testing.T) {
	setPasswords(t)
	w := newWorld(t)
	c := orchestrated(t, "base")
	for _, role := range []string{"command", "query"} {
		c[role].env["SICAL_DRAIN_DELAY"] = "10s" // two hundred looks of the balancer's, or ten of a busy machine's
	}
	run(t, binary(t), w.here(c["migrate"].env), c["migrate"].args...)
	w.start(c["projector"])
	sides := map[string]*balancer{}
	for _, role := range []string{"command", "query"} {
		sides[role] = &balancer{all: []*process{w.start(c[role]), w.start(c[role])}}
		sides[role].watch(t)
	}
	var failures, again atomic.Int64
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			side := sides["command"]
			if r.In.Method == http.MethodGet {
				side = sides["query"]
			}
			r.SetURL(&url.URL{Scheme: "http", Host: side.pick().public})
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			t.Logf("%s %s: %v", r.Method, r.URL.Path, err)
			w.WriteHeader(http.StatusBadGateway)
		},
	})
	t.Cleanup(proxy.Close)
	ana := register(t, proxy.URL, "ana")
	made := ana.call(t, "POST", "/v1/goals", `{"title":"Be there"}`)
	ana.call(t, "GET", "/v1/users/me", "", "Sical-Min-Position", position(made), "Prefer", "wait=5")
	requests, end := load(ana, &failures, &again)
	for _, role := range []string{"command", "query"} {
		for i, p := range sides[role].all {
			w.stop(p)
			sides[role].set(i, w.start(c[role]))
			sides[role].look()
		}
	}
	end()
	assert.Zero(t, failures.Load(), "of %d requests", requests.Load())
	require.Greater(t, requests.Load(), int64(100))
	assert.LessOrEqual(t, again.Load(), requests.Load()/20, "asked again")
	t.Logf("%d requests, %d asked again after seconds, none failed", requests.Load(), again.Load())
}

// load posts commands and asks questions over eight connections until end is called.
func load(v *visitor, failures, again *atomic.Int64) (requests *atomic.Int64, end func()) {
	requests = &atomic.Int64{}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond) // a load, not a flood
			defer pace.Stop()
			for {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				var err error
				if i%2 == 0 {
					err = v.perseveres(again, "POST", "/v1/goals", `{"title":"Go on through a restart"}`)
				} else {
					err = v.perseveres(again, "GET", "/v1/users/me", "")
				}
				requests.Add(1)
				if err != nil {
					failures.Add(1)
				}
			}
		})
	}
	return requests, func() { close(stop); clients.Wait() }
}

// perseveres asks once more, under the same key, where what it asks for could not be done within
// seconds, as on a machine that stands still. Who is refused at once is so for the restart.
func (v *visitor) perseveres(again *atomic.Int64, method, path, body string) error {
	key, begun := rand.Text(), time.Now()
	_, err := v.do(method, path, body, "Idempotency-Key", key)
	if err != nil && strings.Contains(err.Error(), ": 503 ") && time.Since(begun) > 4*time.Second {
		again.Add(1)
		_, err = v.do(method, path, body, "Idempotency-Key", key)
	}
	return err
}
