package check

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
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

// TestComposeAsProcesses runs exactly what the containers of the compose file would.
func TestComposeAsProcesses(t *testing.T) {
	setPasswords(t)
	w := newWorld(t)
	c := composed(t)
	run(t, binary(t), w.here(c["migrate"].env), c["migrate"].args...)
	// Each is waited for, and a query process is not ready before there are views.
	command, projector, query := w.start(c["command"]), w.start(c["projector"]), w.start(c["query"])
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
		projector = append(projector, w.start(c["projector"]))
		query = append(query, w.start(c["query"]))
	}
	api := gateway(t, command, query)
	tour(t, api, "ana")
	issued := run(t, binary(t), w.here(c["command"].env), documented(t, "../kubernetes/README.md", "exec deploy/command -- /sical ", "ana")...)
	admin := &visitor{api: api, token: strings.TrimSpace(issued)}
	admin.call(t, "POST", "/v1/points", `{"title":"Only who may curate adds one"}`)
	w.stop(projector[0]) // the other takes over
	tour(t, api, "ming")
	assert.NoDirExists(t, w.dir+"/volume", "a pod has nothing it may write to")
}

// documented are the arguments that stand in a page behind what calls the program, with
// a user's name put in.
func documented(t *testing.T, page, call, name string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, line, found := strings.Cut(string(text), call)
	require.True(t, found, "%s does not say %q", page, call)
	line, _, _ = strings.Cut(line, "\n")
	return strings.Fields(strings.ReplaceAll(line, "NAME", name))
}

func setPasswords(t *testing.T) {
	t.Helper()
	for name, value := range passwords {
		t.Setenv(name, value)
	}
}
