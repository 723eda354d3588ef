package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/events"
	"sical-backend/internal/pause"
	"sical-backend/internal/wire"
)

const (
	restoreLook = 100 * time.Millisecond
	restoreWait = 3 * time.Second // until a stream that nobody fills is filled here
)

// Judgement is what was found out about a stream that contradicts the log.
type Judgement struct {
	Created     time.Time // which of the streams of this name it is
	First       uint64    // from where on the next one is to hold the log
	Incarnation events.ID // the log's
	// Lost is where the stream has an event of this incarnation that the log has not there,
	// 0 for nowhere.
	Lost uint64
}

// Restore makes the stream anew that was judged. It returns once there is one that holds the
// log. A relay that runs, here or elsewhere, fills it; where none does, Restore fills it itself.
// It must not be called on a Relay that runs.
func (r *Relay) Restore(ctx context.Context, judged Judgement) error {
	head, err := r.recall(ctx)
	if err != nil {
		return err
	}
	if err := r.avow(ctx, judged); err != nil {
		return err
	}
	if err := remake(ctx, r.js, judged.Created); err != nil {
		return err
	}
	if _, err := r.ensure(ctx, judged.First); err != nil {
		return err
	}
	r.cfg.Logger.Warn("relay: the stream was made anew", "first", judged.First)
	r.lastID = events.ID{} // whatever it was, of a stream of before
	for moved := time.Now(); ; {
		stream, err := r.js.Stream(ctx, wire.Stream)
		if err != nil {
			return err
		}
		last := stream.CachedInfo().State.LastSeq
		switch {
		case last >= head:
			return nil
		case last != r.last:
			r.last, r.lastID, moved = last, events.ID{}, time.Now()
		case time.Since(moved) > restoreWait:
			if err := r.catchUp(ctx); err != nil && !overtaken(err) {
				return err
			}
			continue
		}
		if !pause.For(ctx, restoreLook) {
			return ctx.Err()
		}
	}
}

// avow begins a new incarnation where the stream is a witness that the log went back, unless
// that was done since: once it is made anew, nothing shows it. It looks in any case, as by
// that a guest learns what the next stream is to keep.
func (r *Relay) avow(ctx context.Context, judged Judgement) error {
	found, err := r.look(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	switch {
	case judged.Lost > 0 && judged.Incarnation == r.incarnation:
		return r.begin(ctx, fmt.Sprintf("the stream has what the log has not: message %d is of another history", judged.Lost))
	case found.rewound:
		return r.begin(ctx, "the stream has what the log has not: "+found.reason)
	}
	return nil
}
