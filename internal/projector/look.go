package projector

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/projections"
)

// registry is what a keeper saw in one look.
type registry struct {
	incarnation events.ID // of the log
	peers       []peer
	units       []held                       // of all versions, also unknown ones, for share; none of builds that are being made
	built       map[string]bool              // versions that have a build, by VersionName
	served      map[string]projections.Build // the highest of each view that is read
	parked      map[string]int               // keys and streams that are held back, by VersionName
	asked       map[Unit]bool                // some of which are to be tried again
}

// look renews this process's lease and reads the registry and the log's incarnation, in one
// round trip.
func (k *keeper) look(ctx context.Context) (*registry, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	r := &registry{built: map[string]bool{}, served: map[string]projections.Build{}, parked: map[string]int{}, asked: map[Unit]bool{}}
	var knows []string
	for name := range k.views {
		knows = append(knows, name)
	}
	batch := &pgx.Batch{}
	batch.Queue(`-- renew projector
		insert into sical.projector (owner, knows, lease_until) values ($1, $2, clock_timestamp() + $3::interval)
		on conflict (owner) do update set lease_until = excluded.lease_until`, k.owner, knows, leaseDuration)
	batch.Queue(`-- expire projector
		delete from sical.projector where lease_until < clock_timestamp() - interval '1 minute'`)
	batch.Queue(`-- read log
		select incarnation from sical.log`).QueryRow(func(row pgx.Row) error { return row.Scan(&r.incarnation) })
	batch.Queue(`-- list projector
		select owner, knows from sical.projector where lease_until > clock_timestamp()`).Query(r.scanPeers)
	batch.Queue(`-- list projection
		select view, version, build, shard, epoch, state, case when o.lease_until > clock_timestamp() then o.owner else '' end
		from sical.projection left join sical.projector o using (owner)`).
		Query(r.scanUnits)
	batch.Queue(`-- count parked
		select view, version, build, shard, count(*), bool_or(retry) from sical.parked group by view, version, build, shard`).Query(r.scanParked)
	batch.Queue(`-- list view_version
		select distinct on (view) view, version, serving from sical.view_version where serving is not null
		order by view, version desc`).Query(r.scanServed)
	return r, k.cfg.Pool.SendBatch(ctx, batch).Close()
}

func (r *registry) scanPeers(rows pgx.Rows) error {
	var p peer
	_, err := pgx.ForEachRow(rows, []any{&p.owner, &p.knows}, func() error {
		r.peers = append(r.peers, p)
		p.knows = nil
		return nil
	})
	return err
}

func (r *registry) scanUnits(rows pgx.Rows) error {
	var u held
	var state string
	_, err := pgx.ForEachRow(rows, []any{&u.View, &u.Version, &u.Number, &u.Shard, &u.epoch, &state, &u.owner}, func() error {
		name := VersionName(u.View, u.Version)
		r.built[name] = true
		if state != "building" {
			u.paused = state == "paused"
			r.units = append(r.units, u)
		}
		return nil
	})
	return err
}

func (r *registry) scanParked(rows pgx.Rows) error {
	var u Unit
	var count int
	var asked bool
	_, err := pgx.ForEachRow(rows, []any{&u.View, &u.Version, &u.Number, &u.Shard, &count, &asked}, func() error {
		r.parked[VersionName(u.View, u.Version)] += count
		r.asked[u] = asked
		return nil
	})
	return err
}

func (r *registry) scanServed(rows pgx.Rows) error {
	var b projections.Build
	_, err := pgx.ForEachRow(rows, []any{&b.View, &b.Version, &b.Number}, func() error {
		r.served[b.View] = b
		return nil
	})
	return err
}

// signOff gives this process's lease up, after its units.
func (p *Projector) signOff() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := p.cfg.Pool.Exec(ctx, `-- release projector
		delete from sical.projector where owner = $1`, p.owner); err != nil {
		p.cfg.Logger.Debug("lease not given back; it runs out by itself", "error", err)
	}
}
