package check

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gateway sends GET and HEAD to one of the query processes, the rest to one of the
// command processes, each in turn: the HTTPRoute, in miniature.
func gateway(t *testing.T, command, query []*process) string {
	t.Helper()
	var turn atomic.Uint64
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		list := command
		if r.In.Method == http.MethodGet || r.In.Method == http.MethodHead {
			list = query
		}
		p := list[turn.Add(1)%uint64(len(list))]
		r.SetURL(&url.URL{Scheme: "http", Host: p.public})
	}}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

// tour is the README's: register, log in, create a goal, read it at its position.
func tour(t *testing.T, api, name string) {
	t.Helper()
	token := ""
	call := func(method, path, body string, headers ...string) map[string]any {
		request, err := http.NewRequestWithContext(t.Context(), method, api+path, strings.NewReader(body))
		require.NoError(t, err)
		if body != "" {
			request.Header.Set("Content-Type", "application/json")
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Less(t, response.StatusCode, 300, "%s %s: %s", method, path, text)
		var answer map[string]any
		require.NoError(t, json.Unmarshal(text, &answer), "%s", text)
		return answer
	}
	call("POST", "/v1/users", `{"username":"`+name+`","email":"`+name+`@example.org","password":"correct horse 42"}`)
	token = call("POST", "/v1/sessions", `{"username":"`+name+`","password":"correct horse 42"}`)["access_token"].(string)
	for range 4 { // so that each of two has its turn
		created := call("POST", "/v1/goals", `{"title":"Learn graph theory 学习图论","category":"mathematics","target_date":"2027-06-30"}`)
		position := strconv.FormatFloat(created["position"].(float64), 'f', -1, 64)
		goal := call("GET", "/v1/goals/"+created["id"].(string), "", "Sical-Min-Position", position, "Prefer", "wait=5")
		assert.Equal(t, "Learn graph theory 学习图论", goal["title"])
	}
	assert.NotEmpty(t, call("GET", "/openapi.json", "")["openapi"])
}

// TestComposeAsProcesses runs exactly what the containers of the compose file would.
func TestComposeAsProcesses(t *testing.T) {
	setPasswords(t)
	w := newWorld(t)
	c := composed(t)
	run(t, binary(t), w.here(c["migrate"].env), c["migrate"].args...)
	command, query, projector := w.start(c["command"]), w.start(c["query"]), w.start(c["projector"])
	tour(t, gateway(t, []*process{command}, []*process{query}), "ana")
	for _, p := range []*process{query, projector, command} {
		w.stop(p)
	}
}

// TestKubernetesAsProcesses runs what the pods of an overlay would: two of each role,
// and the schema twice, as a second release would.
func TestKubernetesAsProcesses(t *testing.T) {
	setPasswords(t)
	w := newWorld(t)
	c := orchestrated(t, "base")
	for range 2 {
		run(t, binary(t), w.here(c["migrate"].env), c["migrate"].args...)
	}
	var command, query, projector []*process
	for range 2 {
		command = append(command, w.start(c["command"]))
		query = append(query, w.start(c["query"]))
		projector = append(projector, w.start(c["projector"]))
	}
	api := gateway(t, command, query)
	tour(t, api, "ana")
	w.stop(projector[0]) // the other takes over
	tour(t, api, "ming")
	assert.NoDirExists(t, w.dir+"/volume", "a pod has nothing it may write to")
}

func setPasswords(t *testing.T) {
	t.Helper()
	for name, value := range passwords {
		t.Setenv(name, value)
	}
}
