package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// flip has the goals' view rebuilt, and another build read.
func (s *system) flip() {
	s.t.Helper()
	answer, err := http.Post(s.app.adminURL+"/admin/projections/goal/rebuild", "application/json", nil)
	require.NoError(s.t, err)
	answer.Body.Close()
	require.Equal(s.t, http.StatusAccepted, answer.StatusCode)
	testkit.Eventually(s.t, func() error {
		_, body := s.asked("/admin/projections")
		done, err := rebuilt([]byte(body))
		require.NoError(s.t, err)
		if done {
			return nil
		}
		return errors.New(body)
	})
}

// Over HTTP, with everything that is real behind it, no answer is older than promised: of
// goals that are made, renamed and deleted while everybody asks for them, from two
// processes, while the view is rebuilt beside and one process loses NATS.
func TestNoAnswerOverHTTPIsOlderThanPromised(t *testing.T) {
	t.Parallel()
	bus := testkit.NATS(t)
	proxy := testkit.Proxy(t, bus.Address())
	config := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: bus.URL}
	first := serveOn(t, config, slog.New(slog.DiscardHandler))
	config.NATSURL = strings.Replace(bus.URL, bus.Address(), proxy.Address, 1) // which has a password
	second := role(t, config, (*App).startQuery)
	second.becomes(http.StatusOK)
	connected := func() error {
		if !second.app.nats.IsConnected() {
			return errors.New("the second process has no NATS")
		}
		return nil
	}
	testkit.Eventually(t, connected)

	var s siege
	end := s.begin(first, besiege(first), besiege(second))
	for range 2 {
		s.more(300)
		first.flip()
		proxy.Refuse(true)
		proxy.Cut()
		s.more(300)
		first.flip()
		proxy.Refuse(false)
		testkit.Eventually(t, connected)
	}
	end()
	require.Zero(t, s.stale.Load())
	for _, status := range []int{http.StatusOK, http.StatusNotModified, http.StatusNotFound} {
		require.NotZero(t, s.statuses[status].Load(), status)
	}
	for _, process := range []*system{first, second} {
		require.NotZero(t, remembers(t, process.app.adminURL).hits, "nothing was ever answered from memory")
	}
	t.Log(s.answers.Load(), "answers,", remembers(t, first.app.adminURL).hits, "and", remembers(t, second.app.adminURL).hits, "from memory")
}

// stubborn gives the same answer a few times, where nothing but the promise forbids it.
type stubborn struct {
	http.RoundTripper
	mu   sync.Mutex
	kept map[string]*repeated
}

type repeated struct {
	answer http.Response
	body   []byte
	times  int // that it is still given
}

func (s *stubborn) RoundTrip(r *http.Request) (*http.Response, error) {
	name := r.URL.String() + r.Header.Get("Authorization")
	if r.Method != http.MethodGet || r.Header.Get("Sical-Min-Position")+r.Header.Get("If-None-Match") != "" {
		return s.RoundTripper.RoundTrip(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kept[name]
	if k == nil || k.times == 0 {
		answer, err := s.RoundTripper.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return nil, err
		}
		k = &repeated{*answer, body, 4}
		s.kept[name] = k
	}
	k.times--
	again := k.answer
	again.Body = io.NopCloser(bytes.NewReader(k.body))
	return &again, nil
}

// The harness must be able to see what it looks for.
func TestStubbornAnswersOverHTTPAreSeen(t *testing.T) {
	t.Parallel()
	process := besiege(newSystem(t))
	process.client.Transport = &stubborn{RoundTripper: process.client.Transport, kept: map[string]*repeated{}}
	var s siege
	end := s.begin(process.system, process)
	testkit.Eventually(t, func() error {
		if s.stale.Load() == 0 {
			return fmt.Errorf("none of %d answers is seen to be old", s.answers.Load())
		}
		return nil
	})
	end()
}
