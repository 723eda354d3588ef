package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// creations is a log whose every event creates the row of its position, or has it parked,
// and a standby in Postgres that is some commits behind.
type creations struct {
	admin, standby *pgxpool.Pool
	incarnation    uuid.UUID
	nc             *nats.Conn
	head           atomic.Uint64
	shown          uint64
}

const (
	parkedOf = 50 // events, one is parked
	outcomes = 40 // of each kind that readers meet
)

func parks(position uint64) bool { return position%parkedOf == 0 }

func newCreations(t *testing.T) *creations {
	l := &creations{nc: testkit.NATS(t).Connect(), shown: 10}
	l.head.Store(10)
	l.admin, l.standby, l.incarnation = oneView(t)
	_, err := l.admin.Exec(t.Context(), `create table sical.adversary (position bigint); grant select on sical.adversary to sical_query`)
	require.NoError(t, err)
	return l
}

// happen appends an event, has it folded on the primary and tells of it, but for what is lost.
func (l *creations) happen(r *rand.Rand) error {
	at := l.head.Load() + 1
	n := wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, Incarnation: l.incarnation, From: at - 1, To: at, Saved: at, Parks: parks(at)}
	if !n.Parks {
		n.Keys = []string{row(at)}
	}
	data, err := n.Encode()
	if err == nil && r.IntN(20) > 0 {
		err = l.nc.Publish(wire.ChangesOf("v"), data)
	}
	l.head.Store(at)
	return err
}

func row(position uint64) string { return "v/" + strconv.FormatUint(position, 10) }

// replay has the standby come some commits closer, and no more than the lag behind.
func (l *creations) replay(ctx context.Context, r *rand.Rand) error {
	for l.shown < l.head.Load() && (l.head.Load()-l.shown > lagOfStandby || r.IntN(3) == 0) {
		l.shown++
		err := pgx.BeginFunc(ctx, l.admin, func(tx pgx.Tx) (err error) {
			if parks(l.shown) {
				_, err = tx.Exec(ctx, `insert into sical.parked (view, version, build, shard, name, position, stream, type, names, error, attempts)
					values ('v', 1, 1, 0, $1, $2, 's', 't', array[$1], 'e', 3)`, row(l.shown), l.shown)
			} else {
				_, err = tx.Exec(ctx, `insert into sical.adversary values ($1)`, l.shown)
			}
			if err == nil {
				_, err = tx.Exec(ctx, `update sical.projection set position = $1`, l.shown)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// load reads in one snapshot whether a row is there, and how far the standby is.
func (l *creations) load(ctx context.Context, position uint64) (a Answer, err error) {
	var there bool
	var at uint64
	err = l.standby.QueryRow(ctx, `select exists (select from sical.adversary a where a.position = $1), p.position from sical.projection p`, position).Scan(&there, &at)
	return Answer{Body: strconv.AppendBool(nil, there), Checkpoints: []projections.Checkpoint{
		{Build: projections.Build{View: "v", Version: 1, Number: 1}, Shards: []uint64{at}},
	}}, err
}

// see asks for a row as who has created it does, and tells whether it is said to be parked,
// or to be there.
func (l *creations) see(ctx context.Context, p *Positions, c *Cache, position uint64) (parked, there bool, err error) {
	deps := func() []string { return []string{row(position)} }
	if err := p.Wait(ctx, []string{"v"}, position, ages); err != nil {
		return false, false, err
	}
	a, err := Answer{}, ErrBehind
	for errors.Is(err, ErrBehind) {
		a, err = c.Do(ctx, Question{Key: row(position), Views: []string{"v"}, Deps: deps, MinPosition: position, Load: func(ctx context.Context) (Answer, error) {
			return l.load(ctx, position)
		}})
	}
	return p.CheckParked(position, deps, "") != nil, string(a.Body) == "true", err
}

// Whoever asks a standby that lags for what they have just created is given it, or is told
// that it is parked: never that it is not there.
func TestNothingThatIsParkedIsMissingOnAStandby(t *testing.T) {
	t.Parallel()
	l := newCreations(t)
	p := newPositions(l.standby, l.nc)
	p.cfg.Head = func(context.Context) (uint64, error) { return l.head.Load(), nil }
	c, err := New(p, 1<<20, telemetry.NewCache(prometheus.NewRegistry()))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	run(t, p)

	ctx, stop := context.WithCancel(t.Context())
	var writing, readers sync.WaitGroup
	r := rand.New(rand.NewPCG(7, 7))
	require.NoError(t, l.happen(r)) // or there is nothing to ask for
	writing.Go(func() {
		defer stop() // or who waits for what does not happen would do so for ever
		for ctx.Err() == nil {
			if err := errors.Join(l.happen(r), l.replay(t.Context(), r)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var told [2]atomic.Int64 // what is there, and what is parked
	for range 8 {
		readers.Go(func() {
			for told[0].Load() < outcomes || told[1].Load() < outcomes {
				position := l.head.Load() // the newest, or the newest that is parked
				position = max(11, position-position%parkedOf*rand.Uint64N(2))
				parked, there, err := l.see(ctx, p, c, position)
				switch {
				case err != nil:
					t.Error(err)
					return
				case parked != parks(position) || there == parked:
					t.Errorf("%d is parked: %v; said to be: %v; there: %v", position, parks(position), parked, there)
					return
				case parked:
					told[1].Add(1)
				default:
					told[0].Add(1)
				}
			}
		})
	}
	readers.Wait()
	stop()
	writing.Wait()
}
