package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/command/api"
	"sical-backend/events"
)

// from is a client at an address of this machine, without the contract's checks.
func from(t *testing.T, address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// A flood of registrations from one address is answered within its budget, whether the
// names are taken or new, and takes no place from those who log in elsewhere.
func TestRegistrationsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	s := newSystem(t, lingering)
	id, token, _ := s.account("ana")
	post := func(client *http.Client, token, path, body string) (int, http.Header) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
		if !assert.NoError(t, err) {
			return 0, nil
		}
		request.Header.Set("Content-Type", "application/json")
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		r, err := client.Do(request)
		if !assert.NoError(t, err) {
			return 0, nil
		}
		defer r.Body.Close()
		return r.StatusCode, r.Header
	}
	flooder, pupil, member := from(t, "127.0.0.2"), from(t, "127.0.0.3"), from(t, "127.0.0.4")
	flood := func(by *http.Client, token string, n int, name func(int) string) map[int]int {
		var mu sync.Mutex
		answers := map[int]int{}
		var senders sync.WaitGroup
		for i := range n {
			senders.Go(func() {
				status, header := post(by, token, "/v1/users", fmt.Sprintf(`{"username":%q,"email":"%[1]s@example.net","password":%q}`, name(i), password))
				assert.Equal(t, status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable, header.Get("Retry-After") != "")
				mu.Lock()
				answers[status]++
				mu.Unlock()
			})
		}
		for range 5 {
			status, _ := post(pupil, "", "/v1/sessions", fmt.Sprintf(`{"username":"ana","password":%q}`, password))
			assert.Equal(t, http.StatusCreated, status)
		}
		senders.Wait()
		return answers
	}
	class := flood(flooder, "", 80, func(i int) string { return fmt.Sprint("new", i) })
	assert.Positive(t, class[http.StatusCreated], "%v", class)
	assert.Equal(t, 80, class[http.StatusCreated]+class[http.StatusServiceUnavailable], "some wait too long on a slow machine: %v", class)
	for name, taken := range map[string]map[int]int{
		"nobody":    flood(flooder, "", 300, func(int) string { return "ana" }),
		"a learner": flood(member, token, 300, func(int) string { return "ana" }),
	} {
		assert.Positive(t, taken[http.StatusConflict], "%s: %v", name, taken)
		assert.Positive(t, taken[http.StatusTooManyRequests], "%s: %v", name, taken)
		late := taken[http.StatusServiceUnavailable] // who waits too long, on a slow machine
		assert.Equal(t, 300, taken[http.StatusConflict]+taken[http.StatusTooManyRequests]+late, "%s: %v", name, taken)
	}

	admin := newDesk(t, s.app).token(t, id, events.Admin)
	for i := range 110 {
		r := s.call(http.MethodPost, "/v1/users", admin, fmt.Sprintf(`{"username":"pupil%d"}`, i))
		require.Equal(t, http.StatusCreated, r.status, r.body)
	}
}

// An address that somebody would take in place of theirs is tried no faster than one to
// register with: not one at a time, and not a thousand in a batch.
func TestAddressesAreTriedNoFasterBySomebodyWhoIsThere(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.account("ana")
	id, token, _ := s.account("bob")
	tries := make([]string, 300)
	for i := range tries {
		tries[i] = fmt.Sprintf(`{"id":%q,"type":"user.revise","data":{"id":%q,"email":"ana@example.org"}}`, uuid.New(), id)
	}
	try := func(token string) map[int]int {
		r := s.call(http.MethodPost, "/v1/commands", token, `{"commands":[`+strings.Join(tries, ",")+`]}`)
		require.Equal(t, http.StatusOK, r.status, r.body)
		var answer api.Verdicts
		require.NoError(t, json.Unmarshal([]byte(r.body), &answer))
		answers := map[int]int{}
		for _, v := range answer.Verdicts {
			answers[v.Status]++
		}
		return answers
	}
	told := try(token)
	assert.Positive(t, told[http.StatusConflict], "%v", told)
	assert.Equal(t, len(tries), told[http.StatusConflict]+told[http.StatusTooManyRequests], "%v", told)
	assert.Greater(t, told[http.StatusTooManyRequests], len(tries)/2, "%v", told)

	revise := func(body string) reply { return s.call(http.MethodPatch, "/v1/users/"+id, token, body) }
	var refused atomic.Int32
	var senders sync.WaitGroup
	for range 100 {
		senders.Go(func() {
			if r := revise(`{"username":"ana"}`); r.status == http.StatusTooManyRequests && strings.Contains(r.body, "Too many names") {
				refused.Add(1)
			}
		})
	}
	senders.Wait()
	assert.Positive(t, refused.Load())
	assert.Equal(t, http.StatusOK, revise(`{"display_name":"Bob"}`).status, "which tells nothing of others")
	assert.Equal(t, map[int]int{http.StatusConflict: len(tries)}, try(newDesk(t, s.app).token(t, id, events.Admin)))
}
