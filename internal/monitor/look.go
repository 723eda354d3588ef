package monitor

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/internal/telemetry"
)

// other is the category of goals of no category that is told apart.
const other = "other"

// count counts on in the log. Of what took longer than there is time for, as on a cold and
// slow disk, nothing is kept: fewer events are counted at a time from then on.
func (m *Monitor) count(ctx context.Context, conn *pgx.Conn, f *telemetry.Figures) (more bool, err error) {
	known := append([]string{}, m.Categories...) // never null
	var counted, head int64
	var goals []int64
	err = conn.QueryRow(ctx, `-- count events
		select counted, head, active_users, goals from sical.count_log($1, $2)`, known, m.page).
		Scan(&counted, &head, &f.ActiveUsers, &goals)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && m.page > least {
		m.page = max(m.page/2, least)
		m.Logger.WarnContext(ctx, "monitor: counting the log takes long; fewer events are counted at a time", "events", m.page)
	}
	if err != nil {
		return false, err
	}
	f.Head, f.GoalsCreated = uint64(head), make(map[string]int64, len(goals))
	for i, name := range append(known, other) {
		f.GoalsCreated[name] += goals[i]
	}
	return counted < head, nil
}

// Read is a query for where the build of each view is that is read, and in which state: of
// the views $1, that which the highest version serves up to the one in $2.
const Read = `
	select p.view, p.version, min(p.position) as position,
		case when bool_or(p.state = 'failed') then 'failed' when bool_or(p.state = 'paused') then 'paused' else 'live' end as state
	from sical.projection p join (
		select distinct on (r.view) r.view, r.version, r.serving
		from sical.view_version r join unnest($1::text[], $2::int[]) v (view, version) on r.view = v.view and r.version <= v.version
		where r.serving is not null order by r.view, r.version desc
	) s on p.view = s.view and p.version = s.version and p.build = s.serving
	group by p.view, p.version`

// views reads how far the build of each view that is read is behind the log.
func (m *Monitor) views(ctx context.Context, conn *pgx.Conn, f *telemetry.Figures) error {
	names, versions := make([]string, len(m.Views)), make([]int, len(m.Views))
	for i, v := range m.Views {
		names[i], versions[i] = v.Name, v.Version
	}
	rows, err := conn.Query(ctx, `-- lag projection
		select p.view, p.position, p.state, coalesce(extract(epoch from clock_timestamp() - e.recorded_at), 0)::float8
		from (`+Read+`) p left join sical.events e on e.position = p.position + 1`, names, versions)
	if err != nil {
		return err
	}
	var view, state string
	var position int64
	var age float64
	_, err = pgx.ForEachRow(rows, []any{&view, &position, &state, &age}, func() error {
		f.Views[view] = telemetry.ViewFigures{Lag: m.lag(view, f.Head, uint64(position), age), State: state}
		return nil
	})
	return err
}

// relay asks how far the stream is behind the log. While nobody can ask, it is where it
// was: nothing reaches it either. NATS that is away answers nothing at all, for which the
// rest of the look does not wait.
func (m *Monitor) relay(ctx context.Context, conn *pgx.Conn, f *telemetry.Figures) error {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if last, err := m.Stream(asking); err == nil {
		m.last, m.known = last, true
	}
	if !m.known {
		return nil
	}
	var age float64
	err := conn.QueryRow(ctx, `-- lag events
		select coalesce((
			select extract(epoch from clock_timestamp() - recorded_at) from sical.events where position = $1
		), 0)::float8`, int64(m.last+1)).Scan(&age)
	found := m.lag(relay, f.Head, m.last, age)
	f.Relay = &found
	return err
}

// relay stands where a view's name does.
const relay = ""

// stand is a position below the head, and since when something is known to be there.
type stand struct {
	position uint64
	since    time.Time
}

// lag is between the head, read first, and a position that may have passed it since. The event
// behind the position is as old as it says, and at least as old as the stand: where the database's
// clock was ahead for a moment, all events say so until it has caught up.
func (m *Monitor) lag(of string, head, position uint64, age float64) telemetry.Lag {
	if position >= head {
		delete(m.stood, of)
		return telemetry.Lag{}
	}
	if s, ok := m.stood[of]; !ok || s.position != position {
		m.stood[of] = stand{position, time.Now()}
	}
	return telemetry.Lag{Events: head - position, Seconds: max(age, time.Since(m.stood[of].since).Seconds())}
}
