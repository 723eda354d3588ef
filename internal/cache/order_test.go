package cache

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// outrun writes to what is known of the view "v" over and over, each time one position further
// with all that was read before outdated, and looks meanwhile whether an entry is ever current
// beyond the position at which it was read.
func outrun(t *testing.T, p *Positions, write func(at uint64)) {
	v, w, stop, written := p.view("v"), p.view("w"), make(chan struct{}), make(chan struct{})
	// It takes a while to look at them all, before and behind v's position.
	names := slices.Concat([]string{"v/1"}, slices.Repeat([]string{"v/2", "w/2"}, 500))
	go func() {
		defer close(written)
		for at := v.applied.Load() + 1; ; at++ {
			select {
			case <-stop:
				return
			default:
				write(at)
			}
		}
	}()
	defer func() {
		close(stop)
		<-written
	}()
	current := 0
	for n := 0; n < 10_000 || current == 0; n++ {
		e := &entry{generation: p.generation.Load(), ends: 1 << 62}
		read := v.applied.Load()
		e.write("q", Answer{}, []source{{w, 1 << 40}, {v, read}}, names)
		if position, ok := e.current(p, 0); ok {
			current++
			require.Equal(t, read, position)
		}
	}
}

// A new position is never seen with an old floor.
func TestARowThatChangesIsOutrunByNoPosition(t *testing.T) {
	t.Parallel()
	f := newFloored(t, "w")
	outrun(t, f.p, func(at uint64) {
		f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, From: at - 1, To: at, Saved: at, Keys: []string{"v/1"}})
	})
}

// Nor is that of another build seen with an old generation.
func TestABuildThatIsReadNoMoreIsOutrunByNoPosition(t *testing.T) {
	t.Parallel()
	p := NewPositions(Config{
		Views: []*projections.View{{Name: "v", Version: 1, Reads: 1}, {Name: "w", Version: 1, Reads: 1}}, Logger: slog.New(slog.DiscardHandler),
	})
	p.OnForget(func() { p.generation.Add(1) }) // as a cache does
	take := func(view string, build int, at uint64) {
		p.take(p.view(view), []checkpoint{{View: view, Version: 1, Build: build, Position: at, State: wire.ViewLive}}, time.Now())
	}
	take("w", 1, 1)
	take("v", 1, 1)
	outrun(t, p, func(at uint64) { take("v", int(at), at) })
}
