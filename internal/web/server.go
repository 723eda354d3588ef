package web

import (
	"log/slog"
	"net/http"
	"time"
)

// writeTimeout is for how long an answer may be made and sent, from the end of a request's
// header on.
const writeTimeout = 10 * time.Second

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
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout + time.Duration(size>>15)*time.Second))
	}
}

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
