package projector

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/pause"
	"sical-backend/projections"
)

// Status is how a view stands: the build of it that is read, and which others there are.
type Status struct {
	View     string        `json:"view"`
	Version  int           `json:"version"`                  // that is read; 0 for none yet
	Build    int           `json:"build"`                    // that is read; 0 for none yet
	Position int64         `json:"position"`                 // of the shard that is least far
	Lag      int64         `json:"lag_events"`               // events not applied
	Trail    float64       `json:"lag_seconds"`              // of the log's own time, from the last event applied to the last there is
	Oldest   float64       `json:"oldest_unapplied_seconds"` // how long the first event not applied has stood in the log; 0 for none
	Rate     float64       `json:"events_per_second"`        // that it went past lately
	State    string        `json:"state"`                    // failed or paused where one shard is, building where no build is read, else live
	Owners   []string      `json:"owners"`                   // that fold it now
	Parked   int64         `json:"parked"`                   // keys held back
	Error    string        `json:"error,omitempty"`          // of a shard that failed
	Builds   []BuildStatus `json:"builds"`                   // of all versions
}

// BuildStatus is how one build of a view stands.
type BuildStatus struct {
	Version  int    `json:"version"`
	Build    int    `json:"build"`
	Shards   int    `json:"shards"`
	Serving  bool   `json:"serving"`  // it is the build that is read of its version
	Previous bool   `json:"previous"` // it is the way back
	Position int64  `json:"position"` // of the shard that is least far
	Lag      int64  `json:"lag_events"`
	State    string `json:"state"`
	Parked   int64  `json:"parked"` // keys held back
}

const (
	// between is the least time between two looks that a rate is computed from.
	between = 500 * time.Millisecond
	// forgotten is the age from which an earlier look is not used for a rate.
	forgotten = time.Minute
)

// Observer looks at how views stand, and remembers it for telling how fast they go.
type Observer struct {
	pool  *pgxpool.Pool
	views []*projections.View

	mu     sync.Mutex
	looked time.Time // zero for never
	at     map[projections.Build]int64
	rates  map[projections.Build]float64
}

// NewObserver returns an Observer of the views, at most in these versions; its pool
// acts as the projector role.
func NewObserver(pool *pgxpool.Pool, views []*projections.View) *Observer {
	return &Observer{pool: pool, views: views}
}

// Look tells how each view stands, in their order, and the shards of all builds that
// there are. Where nobody has looked lately it looks twice, as a rate needs two looks.
func (o *Observer) Look(ctx context.Context) ([]Status, []Shard, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.looked) > forgotten {
		shards, err := shards(ctx, o.pool)
		if err != nil {
			return nil, nil, err
		}
		o.rates = nil
		o.remember(positions(shards))
		pause.For(ctx, between)
	}
	shards, err := shards(ctx, o.pool)
	if err != nil {
		return nil, nil, err
	}
	if time.Since(o.looked) >= between {
		o.remember(positions(shards))
	}
	list := make([]Status, 0, len(o.views))
	for _, v := range o.views {
		s := statusOf(v, shards)
		s.Rate = o.rates[projections.Build{View: s.View, Version: s.Version, Number: s.Build}]
		list = append(list, s)
	}
	return list, shards, nil
}

// remember takes in where the builds are now, and reckons how fast they came there.
func (o *Observer) remember(at map[projections.Build]int64) {
	now := time.Now()
	o.rates = map[projections.Build]float64{}
	for b, position := range at {
		if before, ok := o.at[b]; ok && now.Sub(o.looked) <= forgotten {
			o.rates[b] = float64(max(0, position-before)) / now.Sub(o.looked).Seconds()
		}
	}
	o.looked, o.at = now, at
}

// positions are those of the builds: of the shard that is least far.
func positions(shards []Shard) map[projections.Build]int64 {
	at := map[projections.Build]int64{}
	for _, s := range shards {
		b := s.of()
		if before, ok := at[b]; !ok || s.Position < before {
			at[b] = s.Position
		}
	}
	return at
}

// statusOf adds up the shards of a view.
func statusOf(v *projections.View, shards []Shard) Status {
	status := Status{View: v.Name, State: "building", Owners: []string{}, Builds: []BuildStatus{}}
	for _, s := range shards { // builds one after the other, lower versions first
		if s.View != v.Name {
			continue
		}
		last := len(status.Builds) - 1
		if last < 0 || status.Builds[last].Version != s.Version || status.Builds[last].Build != s.Build {
			status.Builds = append(status.Builds, BuildStatus{
				Version: s.Version, Build: s.Build, Serving: s.Serving, Previous: s.Previous, Position: s.Position, State: s.State,
			})
			last++
		}
		b := &status.Builds[last]
		b.Shards++
		b.Position, b.Lag, b.Parked = min(b.Position, s.Position), max(b.Lag, s.Behind), b.Parked+s.Parked
		b.State = worse(b.State, s.State)
		if s.Serving && s.Version <= v.Version {
			if status.Version != s.Version { // instead of a lower one
				status = Status{View: v.Name, Version: s.Version, Build: s.Build, Owners: []string{}, Builds: status.Builds}
			}
			status.take(s, *b)
		}
	}
	return status
}

// take takes in a shard of the build that is read.
func (s *Status) take(shard Shard, b BuildStatus) {
	s.Position, s.Lag, s.Parked, s.State = b.Position, b.Lag, b.Parked, b.State
	s.Trail, s.Oldest = max(s.Trail, shard.trail), max(s.Oldest, shard.oldest)
	if shard.Error != nil && shard.FailedAt != nil {
		s.Error = fmt.Sprintf("event %d: %s", *shard.FailedAt, *shard.Error)
	}
	if shard.Owner != nil && !slices.Contains(s.Owners, *shard.Owner) {
		s.Owners = append(s.Owners, *shard.Owner)
	}
}

// worse is the state of two things together: the later one of live, building, paused and
// failed.
func worse(a, b string) string {
	order := []string{"live", "building", "paused", "failed"}
	return slices.MaxFunc([]string{a, b}, func(a, b string) int { return cmp.Compare(slices.Index(order, a), slices.Index(order, b)) })
}

// Shard is how far one shard of a build is, who folds it, and whether it can.
type Shard struct {
	View      string    `json:"view"`
	Version   int       `json:"version"`
	Build     int       `json:"build"`
	Shard     int       `json:"shard"`
	Serving   bool      `json:"serving"`  // the build is read
	Previous  bool      `json:"previous"` // the build is the way back
	Position  int64     `json:"position"`
	Behind    int64     `json:"behind"` // events
	State     string    `json:"state"`
	Owner     *string   `json:"owner"` // as long as its lease holds
	Epoch     int64     `json:"epoch"`
	Error     *string   `json:"error,omitempty"`
	FailedAt  *int64    `json:"failed_at,omitempty"`
	UpdatedAt time.Time `json:"updated_at"`
	Parked    int64     `json:"parked"` // keys held back

	trail, oldest float64 // seconds, as Status has them
}

func (s Shard) of() projections.Build {
	return projections.Build{View: s.View, Version: s.Version, Number: s.Build}
}

// shards lists the shards of every build, one build after the other.
func shards(ctx context.Context, pool *pgxpool.Pool) ([]Shard, error) {
	rows, err := pool.Query(ctx, `-- list projection
		with head as (select position, recorded_at from sical.events order by position desc limit 1)
		select view, version, build, shard, coalesce(build = serving, false), coalesce(build = previous, false), p.position,
			greatest(coalesce(head.position, 0) - p.position, 0), state,
			case when o.lease_until > clock_timestamp() then o.owner end, epoch, error, failed_at, updated_at,
			coalesce(greatest(extract(epoch from head.recorded_at - coalesce(applied.recorded_at, next.recorded_at)), 0), 0)::float8,
			coalesce(extract(epoch from clock_timestamp() - next.recorded_at), 0)::float8,
			(select count(*) from sical.parked k where k.view = p.view and k.version = p.version and k.build = p.build and k.shard = p.shard)
		from sical.projection p join sical.view_version using (view, version)
		left join sical.projector o using (owner)
		left join head on true
		left join lateral (select recorded_at from sical.events where position = p.position) applied on true
		left join lateral (select recorded_at from sical.events where position = p.position + 1) next on true
		order by view, version, build, shard`)
	if err != nil {
		return nil, err
	}
	var s Shard
	list := []Shard{}
	_, err = pgx.ForEachRow(rows, []any{
		&s.View, &s.Version, &s.Build, &s.Shard, &s.Serving, &s.Previous, &s.Position, &s.Behind, &s.State,
		&s.Owner, &s.Epoch, &s.Error, &s.FailedAt, &s.UpdatedAt, &s.trail, &s.oldest, &s.Parked,
	}, func() error {
		list = append(list, s)
		return nil
	})
	return list, err
}
