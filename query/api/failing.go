package api

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"sical-backend/internal/outage"
	"sical-backend/internal/web"
)

// failing counts the streams whose answers cannot be loaded, for as long as that lasts, and logs
// when there begin to be some and when there are none any more. They try again by themselves and
// their clients see heartbeats: nobody would know.
type failing struct {
	mu      sync.Mutex
	streams int
	log     outage.Log
}

func newFailing(logger *slog.Logger) *failing {
	return &failing{log: outage.Log{Logger: logger, Begins: "live streams cannot be loaded, trying again", Ends: "no live stream fails any more"}}
}

// begin counts one more, that fails with err.
func (f *failing) begin(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams++
	f.log.Tried(context.Background(), err)
}

// end counts one less.
func (f *failing) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.streams--; f.streams == 0 {
		f.log.Tried(context.Background(), nil)
	}
}

// tried takes in how a load of the stream has ended, or that it loads no more. What passes by
// itself changes nothing: too much to do, a replica that lags, and a database that is away are
// told of elsewhere.
func (s *subscription) tried(err error) {
	switch {
	case err == nil && s.fails:
		s.fails = false
		s.cfg.failing.end()
	case err != nil && web.Unforeseen(refused(err)):
		s.cfg.Failed()
		if !s.fails {
			s.fails = true
			s.cfg.failing.begin(fmt.Errorf("%s %s: %w", s.topic.view, s.asked.id, err))
		}
	}
}
