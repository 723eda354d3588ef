package web

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func decoded(t require.TestingT, resp *http.Response, body string) string {
	var r io.Reader
	var err error
	switch resp.Header.Get("Content-Encoding") {
	case "":
		return body
	case codingGzip:
		r, err = gzip.NewReader(strings.NewReader(body))
	case codingZstd:
		r, err = zstd.NewReader(strings.NewReader(body), zstd.WithDecoderConcurrency(1))
	default:
		t.Errorf("unknown coding")
		t.FailNow()
	}
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

func TestCompression(t *testing.T) {
	t.Parallel()
	a := newAPI(t, nil)
	for coding, accept := range map[string]string{
		"": "identity", codingGzip: "gzip, deflate", codingZstd: "gzip, deflate, br, zstd",
	} {
		resp, body := a.do(t, "GET", "/big", "", "Accept-Encoding", accept)
		require.Equal(t, coding, resp.Header.Get("Content-Encoding"))
		require.Equal(t, bigBody, decoded(t, resp, body))
		require.Contains(t, resp.Header.Get("Vary"), "Accept-Encoding")
		require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
		tag := `"7.abc"`
		if coding != "" {
			tag = `"7.abc-` + coding + `"`
			require.Less(t, len(body), len(bigBody)/4)
		}
		require.Equal(t, tag, resp.Header.Get("ETag"))

		for _, has := range []string{`"7.abc"`, `"7.abc-gzip"`, `"7.abc-zstd"`, "*"} {
			again, body := a.do(t, "GET", "/big", "", "Accept-Encoding", accept, "If-None-Match", has)
			require.Equal(t, 304, again.StatusCode)
			require.Equal(t, tag, again.Header.Get("ETag"), "of the answer that it stands for")
			require.Empty(t, body)
			require.Empty(t, again.Header.Get("Content-Encoding"))
		}
	}
	for _, path := range []string{"/ok", "/docs", "/nowhere", "/panic", "/sql"} {
		resp, _ := a.do(t, "GET", path, "", "Accept-Encoding", "gzip")
		require.Empty(t, resp.Header.Get("Content-Encoding"), path+" is short")
	}
}

func TestCompressionLeavesAlone(t *testing.T) {
	t.Parallel()
	cases := map[string]func(h http.Header){
		"coded":      func(h http.Header) { h.Set("Content-Encoding", "br") },
		"picture":    func(h http.Header) { h.Set("Content-Type", "image/png") },
		"no type":    func(h http.Header) { h.Del("Content-Type") },
		"events":     func(h http.Header) { h.Set("Content-Type", "text/event-stream") },
		"range":      func(h http.Header) { h.Set("Content-Range", "bytes 0-1/2") },
		"forbidden":  func(h http.Header) { h.Set("Cache-Control", "private, no-transform") },
		"short size": func(h http.Header) { h.Set("Content-Length", "3") },
	}
	for name, adapt := range cases {
		resp := compressed(t, "gzip", func(w http.ResponseWriter) {
			adapt(w.Header())
			_, _ = io.WriteString(w, "abc")
			if name != "short size" {
				_, _ = io.WriteString(w, bigBody)
			}
		})
		require.NotEqual(t, "gzip", resp.Header.Get("Content-Encoding"), name)
	}
}

// compressed runs an answer through the writer alone.
func compressed(t require.TestingT, accept string, answer func(w http.ResponseWriter)) *http.Response {
	recorder := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", accept)
	c := echo.New().NewContext(r, recorder)
	w := newCompressor().wrap(c)
	w.Header().Set("Content-Type", "application/json")
	answer(w)
	require.NoError(t, w.close())
	return recorder.Result()
}

// However an answer is cut into writes and flushes, it arrives as it was.
func TestCompressionIsTransparent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var parts []string
		for _, n := range rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 500, 1023, 1024, 5000}), 0, 8).Draw(t, "sizes") {
			parts = append(parts, bigBody[:min(n, len(bigBody))])
		}
		flush := rapid.SliceOfN(rapid.SampledFrom([]bool{false, false, true}), 8, 8).Draw(t, "flush")
		declared := rapid.Bool().Draw(t, "declared")
		whole := strings.Join(parts, "")
		resp := compressed(t, rapid.SampledFrom([]string{"gzip", "zstd"}).Draw(t, "coding"), func(w http.ResponseWriter) {
			if declared {
				w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
			}
			for i, part := range parts {
				n, err := io.WriteString(w, part)
				require.NoError(t, err)
				require.Equal(t, len(part), n)
				if flush[i] {
					require.NoError(t, http.NewResponseController(w).Flush())
				}
			}
		})
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, whole, decoded(t, resp, string(b)))
		if resp.Header.Get("Content-Encoding") != "" {
			require.Empty(t, resp.Header.Get("Content-Length"))
		}
	})
}

// Server-sent events pass the chain at once, and can move their own deadline.
func TestEventsStreamThroughTheChain(t *testing.T) {
	t.Parallel()
	a := newAPI(t, nil)
	next := make(chan struct{})
	e := a.Config.Handler.(*echo.Echo)
	e.GET("/events", func(c echo.Context) error {
		w := c.Response()
		w.Header().Set("Content-Type", "text/event-stream")
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
			return err
		}
		_, _ = io.WriteString(w, "data: 1\n")
		w.Flush()
		<-next
		_, _ = io.WriteString(w, "data: 2\n")
		return nil
	})
	r, _ := http.NewRequest("GET", a.URL+"/events", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := a.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewReader(resp.Body)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "data: 1\n", line)
	close(next)
	line, err = lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "data: 2\n", line)
}

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"": "", "gzip": "gzip", "GZIP": "gzip", "x-gzip": "gzip", "zstd": "zstd", "br": "", "identity": "", "*": "gzip",
		"gzip, zstd": "zstd", "gzip;q=1.0, zstd;q=0.5": "gzip", "gzip;q=0": "", "gzip; q=0.001": "gzip", "*;q=0": "",
		"gzip;q=0, *": "", "zstd;q=0, *;q=0.3": "gzip", "identity, gzip;q=0.5": "", "identity;q=0.5, gzip": "gzip",
		"gzip;q=2": "", "gzip;q=x": "", "gzip;q=NaN": "", "gzip;x=1": "", " , gzip ,": "gzip", "gzip;q=0.8, br, zstd;q=0.8": "zstd",
	} {
		require.Equal(t, want, negotiate([]string{accept}), accept)
	}
	require.Equal(t, "gzip", negotiate([]string{"br", "gzip"}))
	require.Empty(t, negotiate(nil))
}
