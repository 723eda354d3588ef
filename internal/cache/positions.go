package cache

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"sical-backend/events"
	"sical-backend/internal/outage"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// Bus is a connection to NATS. It must tell at once whether it is there.
type Bus interface {
	ChanSubscribe(subject string, to chan *nats.Msg) (*nats.Subscription, error)
	IsConnected() bool
}

// Config is what Positions needs.
type Config struct {
	Views []*projections.View
	Pool  *pgxpool.Pool // may read sical.view_version, sical.projection and sical.parked
	NATS  Bus           // where the notices come from; nil asks the database alone
	// Head tells the last position of the log.
	Head func(context.Context) (uint64, error)
	// Standby tells whether Head asks a server that follows another, which may have
	// more; nil where it never does.
	Standby func(context.Context) (bool, error)
	// MaxWaiters bounds the requests that wait at a time; 0 is 10,000.
	MaxWaiters int64
	// Silence is how long no notice of a view may come before the database is asked, and how long
	// one may wait for what the database does not show yet; 0 is three heartbeats.
	Silence time.Duration
	Logger  *slog.Logger

	patience time.Duration // with the database, to tell where the views are; tests have another
}

// Positions knows how far each view has come and what changed on the way. It
// learns it from the notices of the projectors and, while they are silent, from
// the database.
type Positions struct {
	cfg    Config
	views  []*view
	byName map[string]*view
	forget []func()
	change func(names []string, all bool) // nil for nobody

	// generation changes when nothing that was read before may be given again:
	// whenever a cache is cleared.
	generation  atomic.Uint64
	incarnation atomic.Pointer[events.ID] // of the log, nil where it is not known yet; only Run writes it
	suspect     atomic.Bool               // something was met that only the database can explain
	looked      time.Time                 // when the registry was last read; only Run reads and writes it
	registry    outage.Log                // of looks at it that fail; only Run uses it
	head        atomic.Uint64
	parked      atomic.Pointer[parked]
	heads       heads
	waiting     atomic.Int64
	deadlines   deadlines
	watchers    watchers
}

// mostViews is how many views there may be: an entry has a byte for the place of one.
const mostViews = 1 << 8

// NewPositions returns Positions that know nothing until they Run.
func NewPositions(cfg Config) *Positions {
	if cfg.MaxWaiters == 0 {
		cfg.MaxWaiters = 10_000
	}
	if cfg.Silence == 0 {
		cfg.Silence = silence
	}
	if cfg.patience == 0 {
		cfg.patience = time.Second
	}
	p := &Positions{cfg: cfg, byName: map[string]*view{}, heads: heads{turn: make(chan struct{}, 1)}, watchers: newWatchers()}
	p.heads.log = outage.Log{Logger: cfg.Logger, Begins: "cannot ask where the log ends, waiting for the views alone", Ends: "asking where the log ends again"}
	p.registry = outage.Log{Logger: cfg.Logger, Begins: "cannot read the registry of views, going on with what is known", Ends: "reading the registry of views again"}
	p.parked.Store(newParked(nil))
	if len(cfg.Views) > mostViews {
		panic("cache: more views than an entry can tell apart")
	}
	for place, model := range cfg.Views {
		for _, v := range p.views {
			if v.owns(model.Name) || strings.HasPrefix(v.Name, model.Name) {
				panic("cache: names of " + model.Name + " could be taken for those of " + v.Name)
			}
		}
		v := &view{View: model, place: uint8(place), floors: newFloors(), state: wire.ViewLive}
		v.build.Store(&projections.Build{})
		v.saved.Store(new([]uint64))
		v.shown.Store(everything)
		p.views = append(p.views, v)
		p.byName[v.Name] = v
	}
	return p
}

// OnForget has f called, by Run or by Forget, whenever someone was erased or it cannot be
// known that nobody was. It must be called before either. Functions are called in the order
// they were given: what drops keys has to come before the caches of opened text, or a cache
// that was just cleared could be filled by an old key.
func (p *Positions) OnForget(f func()) { p.forget = append(p.forget, f) }

// OnChange has f called, by Run or by Forget, with the names whose answers have
// changed, or all for any: rows and groups as answers depend on them. It must be
// called before Run, and f must not block.
func (p *Positions) OnChange(f func(names []string, all bool)) { p.change = f }

// Incarnation is the log's, zero where it is not known yet.
func (p *Positions) Incarnation() (id events.ID) {
	if known := p.incarnation.Load(); known != nil {
		id = *known
	}
	return id
}

// Applied is how far this process knows the view to have come. A snapshot begun after the call
// has at least these events, but on a server that lags, of which Shows tells.
func (p *Positions) Applied(view string) uint64 { return p.view(view).applied.Load() }

// Heard tells whether it is known of every view how far it has come: before that,
// no answer is kept.
func (p *Positions) Heard() bool {
	for _, v := range p.views {
		if !v.heard.Load() {
			return false
		}
	}
	return true
}

// view finds a view, whose name is always a constant of the calling program.
func (p *Positions) view(name string) *view {
	v := p.byName[name]
	if v == nil {
		panic("cache: no view named " + name)
	}
	return v
}

const (
	tick    = 250 * time.Millisecond
	recheck = time.Second     // how old may be what is known of which builds are read
	silence = 3 * time.Second // three heartbeats
	backlog = 8192            // notices that wait while the database is asked
)

// Run listens until ctx ends and returns nil then, or an error at once where
// the subscription is refused.
func (p *Positions) Run(ctx context.Context) error {
	notices := make(chan *nats.Msg, backlog)
	if p.cfg.NATS != nil {
		sub, err := p.cfg.NATS.ChanSubscribe(wire.Changes, notices)
		if err != nil {
			return err
		}
		// The connection may be gone, and the subscription with it.
		defer func() { _ = sub.Unsubscribe() }()
	}
	p.poll(ctx, true) // after subscribing, so that no change in between is missed
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var next <-chan time.Time // when to look for those who wait for it; nil while nobody does
	var again time.Time       // when the pause after the last such look is over
	for {
		select {
		case m := <-notices:
			n, err := wire.DecodeNotice(m.Data)
			switch {
			case err != nil:
			case n.Flip:
				p.poll(ctx, false)
			default:
				p.receive(ctx, n, time.Now())
			}
		case now := <-ticker.C:
			p.look(ctx, now)
		case <-p.watchers.first:
			next = time.After(time.Until(again))
		case <-next:
			rest := p.glance(ctx)
			again = time.Now().Add(rest)
			if next = nil; p.watchers.some() {
				next = time.After(rest)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// look asks the database where no notices come or they cannot be relied on, or wait for
// it, and stops trusting views that were not heard of for too long.
func (p *Positions) look(ctx context.Context, now time.Time) {
	delayed := p.delayed(now) // before it is asked who is suspect
	connected := p.cfg.NATS != nil && p.cfg.NATS.IsConnected()
	ask := p.suspect.Load() || !connected
	for _, v := range p.views {
		ask = ask || v.silent(now, p.cfg.Silence, func(s *shard) time.Time { return s.noticed })
	}
	if ask || delayed || now.Sub(p.looked) >= recheck {
		p.poll(ctx, ask)
	}
	for _, v := range p.views {
		if v.silent(now, p.cfg.Silence, func(s *shard) time.Time { return s.seen }) {
			v.heard.Store(false)
		}
	}
}
