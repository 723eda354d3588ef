package projector

import (
	"maps"
	"slices"
	"time"

	"sical-backend/internal/wire"
)

// What a notice lists at most; more is told as "all".
const (
	maxNames = 1000
	maxBytes = 64 << 10
)

// tell publishes how far the view is and what b changed; nil for nothing. A
// notice that is lost shows by the next one, or by the heartbeat.
func (r *runner) tell(b *batch) {
	r.told = time.Now()
	n := wire.Notice{
		View: r.view.Name, Version: r.view.Version, Build: r.unit.Number, Shard: r.unit.Shard, Incarnation: r.lease.incarnation, Epoch: r.lease.epoch,
		From: r.sent, To: r.lease.position, Saved: r.lease.saved,
	}
	if r.lease.state != wire.ViewLive {
		n.State = r.lease.state
	}
	r.sent = n.To
	r.metrics.Position.Set(float64(n.To))
	if r.cfg.Changes == nil {
		return
	}
	if b != nil {
		b.describe(&n)
	}
	send(r.cfg, n)
}

// send publishes a notice, if there is anywhere to.
func send(cfg Config, n wire.Notice) {
	if cfg.Changes == nil {
		return
	}
	data, err := n.Encode()
	if err == nil && len(data) > maxBytes {
		n.Keys, n.Groups, n.All = nil, nil, true
		data, err = n.Encode()
	}
	if err == nil {
		err = cfg.Changes.Publish(wire.ChangesOf(n.View), data)
	}
	if err != nil {
		cfg.Logger.Debug("notice not sent", "view", n.View, "error", err)
	}
}

// describe lists the rows and groups that changed.
func (b *batch) describe(n *wire.Notice) {
	n.Forget, n.Parks = b.forget, len(b.parked) > 0 || b.unparked
	if b.groups == nil || len(b.rows)+len(b.groups) > maxNames {
		n.All = true
		return
	}
	for _, r := range b.rows {
		n.Keys = append(n.Keys, b.view.RowName(r.key))
	}
	n.Groups = slices.Sorted(maps.Keys(b.groups))
}
