package main

import (
	"net/http"
	"time"
)

// drain takes the process out of service before it ends: /ready says no, connections
// close behind the answers still given, and whatever comes for another --drain-delay
// is answered.
func (a *App) drain() {
	a.draining.Store(true)
	if a.DrainDelay > 0 {
		a.logger.Info("draining", "for", a.DrainDelay)
		time.Sleep(a.DrainDelay)
	}
}

// closing has clients take their next request elsewhere once the process drains.
func (a *App) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
