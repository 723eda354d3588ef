package reconcile

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/bus"
	"sical-backend/internal/eventlog/logtest"
	"sical-backend/internal/relay"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// meter counts.
type meter struct{ differences, repairs, runs atomic.Int64 }

func (m *meter) Relayed(int, uint64) {}
func (m *meter) Reconciled(_, differences int) {
	m.runs.Add(1)
	m.differences.Add(int64(differences))
}
func (m *meter) Repaired() { m.repairs.Add(1) }
func (m *meter) Failed()   {}

// world is a log, a stream that a test fills, and who compares them.
type world struct {
	*Reconciler
	log    *logtest.Log
	meter  *meter
	config relay.Config
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{log: logtest.New(t), meter: &meter{}}
	w.config = relay.Config{Log: w.log.Relay, NATS: testkit.NATS(t).Connect(), Ring: func() {}, Logger: slog.New(slog.DiscardHandler), Meter: w.meter}
	r, err := relay.New(w.config)
	require.NoError(t, err)
	w.Reconciler, err = New(Config{Log: w.log.Relay, NATS: w.config.NATS, Logger: w.config.Logger, Meter: w.meter, Relay: r})
	require.NoError(t, err)
	return w
}

// fill makes the stream of the log's events after a position, as spoil leaves them.
func (w *world) fill(t *testing.T, after uint64, spoil func(list []*bus.Message) []*bus.Message) jetstream.Stream {
	t.Helper()
	list, err := w.log.Range(t.Context(), after+1, 10_000)
	require.NoError(t, err)
	messages, incarnation := make([]*bus.Message, len(list)), w.log.Incarnation(t).String()
	for i, e := range list {
		messages[i] = wire.Encode(e, incarnation)
	}
	if spoil != nil {
		messages = spoil(messages)
	}
	stream, err := w.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: wire.Stream, Subjects: []string{wire.Subjects}, FirstSeq: after + 1, AllowAtomicPublish: true,
	})
	require.NoError(t, err)
	_, err = bus.NewSequencedPublisher(w.js, wire.Stream).Publish(t.Context(), after, messages)
	require.NoError(t, err)
	return stream
}

// compares checks and returns what is found, without the times of it.
func (w *world) compares(t *testing.T, q Request) Report {
	t.Helper()
	q.Check = true
	r, err := w.Reconcile(t.Context(), q)
	require.NoError(t, err)
	return r
}

func TestNothingDiffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.Add(t, 2503)
	w.fill(t, 0, nil)
	r := w.compares(t, Request{})
	assert.Zero(t, r.Found())
	assert.Equal(t, []uint64{1, 2503, 2503, 0}, []uint64{r.From, r.To, r.Compared, r.Behind})

	r = w.compares(t, Request{From: 900, To: 2100})
	assert.Zero(t, r.Found())
	assert.Equal(t, []uint64{900, 2100, 1201}, []uint64{r.From, r.To, r.Compared})

	w.log.Add(t, 7) // on their way
	r = w.compares(t, Request{})
	assert.Zero(t, r.Found())
	assert.EqualValues(t, 7, r.Behind)

	var done []uint64
	_, err := w.Reconcile(t.Context(), Request{Progress: func(n, all uint64) { done = append(done, n, all) }})
	require.NoError(t, err)
	assert.Equal(t, []uint64{1000, 2503, 2000, 2503, 2503, 2503}, done)
	assert.Zero(t, w.meter.repairs.Load())
}

func TestWhatTheStreamLacksOfOldIsNotMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.Add(t, 1800)
	w.fill(t, 700, nil)
	r := w.compares(t, Request{})
	assert.Zero(t, r.Found())
	assert.Equal(t, []uint64{701, 1800, 1100}, []uint64{r.From, r.To, r.Compared})
	for _, q := range []Request{{From: 1, To: 600}, {From: 9, To: 8}, {From: 1801}} {
		_, err := w.Reconcile(t.Context(), q)
		assert.ErrorIs(t, err, ErrRange, "%+v", q)
	}
}

// message is a message whose parts may be changed without changing another.
func message(m *bus.Message) *bus.Message {
	c := *m
	c.Header = map[string][]string{}
	for k, v := range m.Header {
		c.Header[k] = v
	}
	return &c
}

func TestDifferencesAreFoundAndMended(t *testing.T) {
	t.Parallel()
	junk := func(m *bus.Message) *bus.Message {
		return &bus.Message{Subject: m.Subject, ID: uuid.NewString(), Data: []byte("{}")}
	}
	for name, c := range map[string]struct {
		spoil  func([]*bus.Message) []*bus.Message
		remove []uint64
		want   map[uint64]Kind
		size   int  // of each event's text; 0 for a short one
		lost   bool // it can only be that the log went back
	}{
		"missing":          {remove: []uint64{3, 1000, 1001}, want: map[uint64]Kind{3: Missing, 1000: Missing, 1001: Missing}},
		"among large ones": {remove: []uint64{951}, want: map[uint64]Kind{951: Missing}, size: 10_000},
		"foreign": {
			spoil: func(l []*bus.Message) []*bus.Message {
				l[4] = junk(l[4])
				l[1499] = message(l[1499])
				l[1499].Header[wire.Incarnation] = []string{uuid.NewString()}
				return l
			},
			want: map[uint64]Kind{5: Foreign, 1500: Foreign},
		},
		"different": {
			spoil: func(l []*bus.Message) []*bus.Message {
				l[1200] = message(l[1200])
				l[1200].Data = append([]byte(" "), l[1200].Data...)
				return l
			},
			want: map[uint64]Kind{1201: Different},
		},
		"reordered": {
			spoil: func(l []*bus.Message) []*bus.Message {
				l[10], l[1300] = l[1300], l[10]
				return l
			},
			want: map[uint64]Kind{11: Reordered, 1301: Reordered}, lost: true,
		},
		"beyond the log": {
			spoil: func(l []*bus.Message) []*bus.Message { return append(l, junk(l[0]), junk(l[0])) },
			want:  map[uint64]Kind{1601: Foreign},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.log.Add(t, 1600)
			_, err := w.log.Admin.Exec(t.Context(), `update sical.events set data = (data::jsonb || jsonb_build_object('description', repeat('x', $1)))::json where $1 > 0`, c.size)
			require.NoError(t, err)
			stream := w.fill(t, 0, c.spoil)
			for _, seq := range c.remove {
				require.NoError(t, stream.DeleteMsg(t.Context(), seq))
			}
			r := w.compares(t, Request{})
			found := map[uint64]Kind{}
			for _, d := range r.Differences {
				found[d.Position] = d.Kind
				if d.Kind == Reordered {
					assert.EqualValues(t, 1312, d.Position+d.Belongs)
				}
			}
			assert.Equal(t, c.want, found)

			r, err = w.Reconcile(t.Context(), Request{}) // where no relay runs
			require.NoError(t, err)
			assert.True(t, r.Repaired)
			assert.EqualValues(t, 1, w.meter.repairs.Load())
			assert.Equal(t, c.lost, w.log.Incarnation(t) != r.Incarnation)
			r = w.compares(t, Request{})
			assert.Zero(t, r.Found())
			assert.EqualValues(t, 1600, r.Compared)
		})
	}
}

// TestWhatCouldNotBeMendedIsTold: it is then that somebody has to look.
func TestWhatCouldNotBeMendedIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.Add(t, 30)
	w.fill(t, 0, func(l []*bus.Message) []*bus.Message { return append(l[:10:10], l[11:]...) })
	away := testkit.NATS(t).Connect()
	w.config.NATS = away
	r, err := relay.New(w.config)
	require.NoError(t, err)
	w.Relay = r
	away.Close()
	_, err = w.Reconcile(t.Context(), Request{})
	require.Error(t, err)
	assert.Positive(t, w.meter.differences.Load())
	assert.Zero(t, w.meter.repairs.Load())
}

func TestStreamIsAbsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := w.Reconcile(t.Context(), Request{})
	require.NoError(t, err)
	assert.Zero(t, r.Found(), "of an empty log nothing is missing")
	w.log.Add(t, 20)
	r, err = w.Reconcile(t.Context(), Request{})
	require.NoError(t, err)
	assert.Equal(t, 20, r.Missing)
	assert.True(t, r.Repaired)
	assert.EqualValues(t, 20, w.compares(t, Request{}).Compared)
}

// The rounds find by themselves what no start of a relay would: a changed message
// far from either end. The relay that runs fills the stream again, and a log that
// goes on meanwhile disturbs nobody.
func TestRoundsMendBesideARelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.Add(t, 300)
	w.fill(t, 0, func(l []*bus.Message) []*bus.Message {
		l[150] = message(l[150])
		l[150].Data = []byte(`{"title":"forged"}`)
		return l
	})
	r, err := relay.New(w.config)
	require.NoError(t, err)
	w.log.Hand = r.Committed
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{}, 2)
	for _, run := range []func(context.Context) error{r.Run, func(ctx context.Context) error { return w.Run(ctx, 100*time.Millisecond) }} {
		go func() {
			_ = run(ctx)
			ended <- struct{}{}
		}()
	}
	defer func() {
		cancel()
		testkit.Receive(t, ended)
		testkit.Receive(t, ended)
	}()
	testkit.Eventually(t, func() error {
		w.log.Add(t, 1)
		if w.meter.repairs.Load() == 0 {
			return assert.AnError
		}
		return nil
	})
	runs := w.meter.runs.Load()
	testkit.Eventually(t, func() error {
		w.log.Add(t, 1)
		if w.meter.runs.Load() < runs+3 {
			return assert.AnError
		}
		return nil
	})
	assert.Zero(t, w.meter.differences.Load(), "none is left")
	assert.EqualValues(t, 1, w.meter.repairs.Load())
}
