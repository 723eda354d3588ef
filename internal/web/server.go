package web

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer serves handler with the bounds a public listener needs; net/http sets
// none by itself. An answer that streams moves its own deadline with
// http.ResponseController. What net/http has to say (of broken connections and
// such) goes to logger.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
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
