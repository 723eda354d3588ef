package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/eventlog/logtest"
	"sical-backend/internal/relay"
	"sical-backend/internal/testkit"
)

// asProgram has the test binary be the consumer itself, so that it can be killed.
const asProgram = "SICAL_TEST_AS_CONSUMER"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	testkit.Main(m)
}

type silent struct{}

func (silent) Relayed(int, uint64) {}

// world is a log whose relay runs, and a place to consume it at.
type world struct {
	*logtest.Log
	bus *testkit.Bus
	js  jetstream.JetStream
	dir string
	end func() // ends the relay
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Log: logtest.New(t), bus: testkit.NATS(t), dir: t.TempDir()}
	w.js = testkit.JetStream(t, w.bus.Connect())
	run := fmt.Sprintf(`{"nats_url":%q}`, w.bus.URL)
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "run.json"), []byte(run), 0o600))
	r, err := relay.New(relay.Config{
		Log: w.Relay, NATS: w.bus.Connect(nats.MaxReconnects(-1)), Logger: slog.New(slog.DiscardHandler), Meter: silent{},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx)
	}()
	w.end = func() {
		cancel()
		<-done
	}
	t.Cleanup(w.end)
	testkit.Eventually(t, func() error {
		_, err := w.js.Stream(t.Context(), stream)
		return err
	})
	return w
}

// program is a running consumer.
type program struct {
	cmd   *exec.Cmd
	lines *json.Decoder
}

func (w *world) consume(t *testing.T) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // or nobody ends one that prints nothing
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], "-run", filepath.Join(w.dir, "run.json"), "-state", filepath.Join(w.dir, "state.json"))
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &program{cmd, json.NewDecoder(bufio.NewReader(out))}
	t.Cleanup(p.kill)
	return p
}

func (p *program) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// next is the next line it prints.
func (p *program) next(t *testing.T) (l line) {
	t.Helper()
	require.NoError(t, p.lines.Decode(&l))
	return l
}

// reads has it print the events from one position to another, without a notice.
func (p *program) reads(t *testing.T, from, to uint64) {
	t.Helper()
	for position := from; position <= to; position++ {
		l := p.next(t)
		require.Empty(t, l.Notice)
		require.Equal(t, position, l.Position)
	}
}

// saved waits until a place is remembered.
func (w *world) saved(t *testing.T, position uint64) {
	t.Helper()
	testkit.Eventually(t, func() error {
		if p, err := load(filepath.Join(w.dir, "state.json")); err != nil || p.Position != position {
			return fmt.Errorf("%+v, %v", p, err)
		}
		return nil
	})
}

func TestGoesOnAfterAKill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Add(t, 30)
	p := w.consume(t)
	p.reads(t, 1, 30)
	w.saved(t, 30)
	p.kill()
	w.Add(t, 20)
	p = w.consume(t)
	p.reads(t, 31, 50)
	p.kill() // wherever it is: what was not saved comes again, and no more
	w.Add(t, 5)
	p = w.consume(t)
	first := p.next(t)
	assert.True(t, first.Position > 30 && first.Position < 52, first.Position)
	p.reads(t, first.Position+1, 55)
}

func TestGoesOnWhereTheStreamIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Add(t, 10)
	p := w.consume(t)
	p.reads(t, 1, 10)
	w.saved(t, 10)
	require.NoError(t, w.js.DeleteStream(t.Context(), stream))
	w.Add(t, 3)
	p.reads(t, 11, 13)
}

func TestNoticesAHole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Add(t, 10)
	p := w.consume(t)
	p.reads(t, 1, 10)
	w.saved(t, 10)
	p.kill()
	w.Add(t, 10)
	testkit.Eventually(t, func() error {
		s, err := w.js.Stream(t.Context(), stream)
		if err != nil || s.CachedInfo().State.LastSeq < 20 {
			return fmt.Errorf("not there yet: %v", err)
		}
		return nil
	})
	w.end() // it would mend what follows, as nobody but retention may purge
	s, err := w.js.Stream(t.Context(), stream)
	require.NoError(t, err)
	require.NoError(t, s.Purge(t.Context(), jetstream.WithPurgeSequence(15)))
	p = w.consume(t)
	l := p.next(t)
	assert.EqualValues(t, 15, l.Position)
	assert.Contains(t, l.Notice, "sical events replay --from 11 --to 14 ")
	p.reads(t, 15, 20)
}

func TestNoticesAnotherIncarnation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Add(t, 10)
	p := w.consume(t)
	p.reads(t, 1, 10)
	w.saved(t, 10)
	before := w.Incarnation(t)
	w.PutBack(t, 6)
	w.Add(t, 1)
	l := p.next(t)
	assert.Contains(t, l.Notice, "another incarnation")
	assert.NotContains(t, l.Notice, before.String())
	assert.Contains(t, l.Notice, w.Incarnation(t).String())
}
