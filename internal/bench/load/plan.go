package load

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"sical-backend/internal/auth"
	"sical-backend/internal/loadtest"
)

// Plan is a load, and whom it falls on.
type Plan struct {
	System      System
	Signer      *auth.Signer  // of tokens that the system accepts
	Connections int           // each of a user of its own
	Rate        int           // requests a second of the part with a fixed rate, and the first that Highest tries
	Length      time.Duration // of each part
	Rounds      int           // of which medians are told
	OnlyVisible bool          // measures nothing but how long a command takes to be seen
	Highest     bool          // looks for the highest rate at which the targets hold, unless OnlyVisible
	Release     string        // for the report
	Logger      *slog.Logger
}

// Run plays everything that was asked for, by users who are made for it and stay.
func (p *Plan) Run(ctx context.Context) (r *Report, err error) {
	p.Logger.Warn("adding users and goals, which stay", "users", p.Connections, "goals", p.Connections*goalsEach, "url", p.System.URL)
	people, err := Gather(ctx, p.System.URL, p.Signer, p.Connections)
	if err != nil {
		return nil, err
	}
	r = p.newReport()
	if !p.OnlyVisible {
		if r.Parts, err = p.parts(ctx, people); err != nil {
			return nil, err
		}
		r.Targets = judge(r.Parts, p.Connections)
	}
	if r.Visible, err = p.visible(ctx, people); err != nil {
		return nil, err
	}
	if p.Highest && !p.OnlyVisible {
		highest, err := p.climb(ctx, people)
		if err != nil {
			return nil, err
		}
		r.Highest = &highest
	}
	return r, nil
}

// parts plays the part with a fixed rate, which is the last, by itself to begin with: what
// the fastest ones leave in memory is none of its. It returns the medians of all.
func (p *Plan) parts(ctx context.Context, people *Crowd) ([]Sample, error) {
	all := parts(people, p.Rate)
	last := len(all) - 1
	fixed, err := p.play(ctx, people, all[last:])
	if err != nil {
		return nil, err
	}
	fastest, err := p.play(ctx, people, all[:last])
	return append(fastest, fixed...), err
}

// play plays parts in turn, round by round, so that a slow minute of the machine falls on
// all of them.
func (p *Plan) play(ctx context.Context, people *Crowd, list []part) (medians []Sample, err error) {
	rounds := make([][]Sample, len(list))
	for round := range p.Rounds {
		for i, one := range list {
			s, err := p.System.measure(ctx, people, one, p.Connections, p.Length)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", one.name, err)
			}
			rounds[i] = append(rounds[i], s)
		}
		p.Logger.Info("measured", "parts", len(list), "round", round+1, "of", p.Rounds)
	}
	for _, samples := range rounds {
		medians = append(medians, Median(samples))
	}
	return medians, nil
}

// Events is how many events the log of a running system has; 0 where it does not say.
func Events(ctx context.Context, url string) (int64, error) {
	conn, err := loadtest.Dial(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var a loadtest.Answer
	err = whileBehind(ctx, func() (err error) { // it may have just been started
		a, err = conn.Do(ctx, loadtest.Request{Method: http.MethodGet, Path: "/v1/statistics"})
		return err
	})
	if err != nil {
		return 0, err
	}
	// Positions count events.
	position, err := strconv.ParseInt(a.Header.Get("Sical-Position"), 10, 64)
	if err != nil {
		return 0, nil
	}
	return position, nil
}
