package loadtest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnswersAreReadInEveryForm: as net/http's own client reads them, one after the
// other on one connection.
func TestAnswersAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Sical-Position", " 42 ")
		switch r.URL.Path {
		case "/length":
			_, _ = io.WriteString(w, "a short body")
		case "/empty":
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/chunks":
			for range 3 {
				_, _ = io.WriteString(w, strings.Repeat("学", 3000))
				w.(http.Flusher).Flush()
			}
		case "/long":
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, strings.Repeat("x", 100000))
		case "/last":
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "goodbye")
		case "/broad":
			w.Header().Set("Broad", strings.Repeat("y", 3000))
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "{}")
		}
	})
	c, err := Dial(t.Context(), url)
	require.NoError(t, err)
	defer c.Close()
	for range 2 {
		for _, path := range []string{"/length", "/empty", "/none", "/chunks", "/long", "/last", "/broad"} {
			want, err := http.Get(url + path)
			require.NoError(t, err)
			body, err := io.ReadAll(want.Body)
			require.NoError(t, err)
			require.NoError(t, want.Body.Close())
			a, err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: path})
			require.NoError(t, err, path)
			require.Equal(t, want.StatusCode, a.Status, path)
			require.Equal(t, string(body), string(a.Body), path)
			for _, name := range []string{"sical-position", "Content-Length", "Content-Type", "Broad"} {
				require.Equal(t, want.Header.Get(name), a.Header.Get(name), path+" "+name)
			}
		}
	}
}

func TestAHeadWithoutEndFails(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Broad", strings.Repeat("y", 20<<10))
	})
	c, err := Dial(t.Context(), url)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/"})
	require.ErrorContains(t, err, "too long")
}
