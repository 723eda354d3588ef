package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// isAskedItself: whether a process is ready, nobody says in its place.
func (b binary) isAskedItself(t *testing.T) {
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(proxy.Close)
	var stderr bytes.Buffer
	cmd := b.command(t, b.folder(t), "health", "--admin-listen", "sical.invalid:9090") // which is nowhere
	cmd.Env = append(cmd.Env, "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL)
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	require.Equal(t, failed, exited(t, cmd), &stderr)
	require.Contains(t, stderr.String(), "sical.invalid")
	require.Zero(t, asked.Load())
}
