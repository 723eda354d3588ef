package web

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// writeTimeout is for how long an answer may be made and sent, from the end of a request's
// header on.
const writeTimeout = 10 * time.Second

// AnswerWithin is how long a request may be worked on at most, from its begin on: what it waits for
// then ends. A statement that is cut off so takes another second where the database is silent
// (see postgres.Open), and the answer has to be out before writeTimeout, or there is none: the
// connection is cut. A password may wait for its turn and a batch be long, so it is no shorter.
const AnswerWithin = 7 * time.Second

// Ends is when a request has been worked on for AnswerWithin.
func Ends(c echo.Context) time.Time {
	var begun time.Time
	if r, ok := c.(*request); ok {
		begun = r.begun
	}
	if begun.IsZero() { // outside the chain
		begun = time.Now()
	}
	return begun.Add(AnswerWithin)
}

// NewServer serves handler with the bounds a public listener needs; net/http sets
// none by itself. An answer that streams moves its own deadline with
// http.ResponseController, a large one with TakeTime. What net/http has to say (of broken
// connections and such) goes to logger.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// TakeTime gives the client time to take an answer of so many bytes from now on, 32 KiB a
// second at least: making it may have taken most of what there was, and whoever is cut off in
// the midst of it asks again for all. What is small fits into the buffers below, and costs
// nothing here.
func TakeTime(w http.ResponseWriter, size int) {
	if size > 64<<10 {
		// One that cannot move its deadline keeps it.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout + Taking(size)))
	}
}

// Taking is how much longer than for few bytes a client may take for so many.
func Taking(size int) time.Duration { return time.Duration(size>>15) * time.Second }

const (
	connecting = 10 * time.Second // of a call out, at most
	keepAlive  = 30 * time.Second
)

// NewClient is the client for every call out over HTTP: bounded in time and in
// connections, which it keeps for the next call.
func NewClient() *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           newDialer().DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          100,
			MaxIdleConnsPerHost:   10,
			MaxConnsPerHost:       100,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
		},
	}
}
