package cache

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// An answer below what had been saved is of a database that fell back: it is good
// for who waits for it, and for nobody later, whatever else is known to be applied.
func TestWhatFellBackIsNotKeptAsCurrent(t *testing.T) {
	t.Parallel()
	build := stood(0)[0].Build
	before := []baseline{{build: build, applied: 90, saved: []uint64{80}}, {build: build, applied: 90, saved: []uint64{90}}}
	at := func(first uint64) []projections.Checkpoint { return append(stood(first), stood(90)...) }
	require.True(t, fallen(at(79), before))
	require.False(t, fallen(at(80), before))
	require.True(t, fallen(append(stood(90), stood(79)...), []baseline{before[1], before[0]}), "whichever of them")
	require.EqualValues(t, 79, stands(at(79), before))
	f := newFloored(t)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 90, Saved: 90})
	for _, c := range []struct {
		at   uint64
		kept bool
	}{{90, true}, {79, false}} {
		loads := 0
		for range 2 {
			a, err := f.c.Do(t.Context(), Question{Key: strconv.FormatUint(c.at, 10), Views: []string{"v"}, Load: func(context.Context) (Answer, error) {
				loads++
				return Answer{Body: []byte("x"), Checkpoints: stood(c.at)}, nil
			}})
			require.NoError(t, err)
			require.Equal(t, c.at, a.Position)
		}
		require.Equal(t, c.kept, loads == 1)
	}
}

// What a load fails with that may be over is told to who began it. Who came later has another one,
// though nothing is known to have changed since.
func TestWhatMayBeOverIsReadAgain(t *testing.T) {
	t.Parallel()
	f := newFloored(t)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
	notYet := errors.New("not yet")
	began, finish := make(chan struct{}), make(chan struct{})
	q := question("", 10)
	q.Fleeting = func(err error) bool { return errors.Is(err, notYet) }
	q.Load = func(context.Context) (Answer, error) {
		close(began)
		<-finish
		return Answer{Checkpoints: stood(10)}, notYet
	}
	first := ask(f.c, q)
	testkit.Receive(t, began)
	ctx, joined := testkit.Watched(t.Context())
	second := make(chan error, 1)
	go func() {
		_, err := f.c.Do(ctx, question("there", 10))
		second <- err
	}()
	testkit.Receive(t, joined)
	close(finish)
	require.Equal(t, notYet.Error(), testkit.Receive(t, first))
	require.NoError(t, testkit.Receive(t, second))
}

// A load may begin while everything is forgotten for a fall, and take one position from
// before it and one from behind it: then it looks as current as nothing is any more.
func TestWhatBeganDuringAFallIsNotKept(t *testing.T) {
	t.Parallel()
	for name, fall := range map[string]func(*Positions){
		"a notice": func(p *Positions) {
			p.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 2, From: 90, To: 90, Saved: 90}, time.Now())
		},
		"the database": func(p *Positions) {
			p.take(p.view("v"), []checkpoint{{View: "v", Version: 1, Build: 1, Position: 90, State: wire.ViewLive}}, time.Now())
		},
		"another log": func(p *Positions) {
			p.take(p.view("v"), []checkpoint{{View: "v", Version: 1, Build: 1, Position: 90, State: wire.ViewLive, Incarnation: uuid.New()}}, time.Now())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFloored(t)
			f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 100, Saved: 100})
			var torn *entry
			f.p.OnForget(func() {
				if torn == nil {
					v := f.p.view("v")
					torn = &entry{generation: f.p.generation.Load(), ends: int64(time.Since(began) + time.Hour)}
					before := baseline{build: *v.build.Load(), applied: v.applied.Load(), saved: []uint64{90}}
					torn.write("q", Answer{}, []source{{v, before.stands(stood(90)[0])}}, nil)
				}
			})
			fall(f.p)
			require.EqualValues(t, 100, torn.position)
			require.EqualValues(t, 90, f.p.Applied("v"))
			_, ok := torn.current(f.p, 0)
			require.False(t, ok)
		})
	}
}
