package relay

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/internal/pause"
	"sical-backend/internal/wire"
)

const (
	restoreLook = 100 * time.Millisecond
	restoreWait = 3 * time.Second // until a stream that nobody fills is filled here
)

// Restore makes the stream anew that was created at the instant judged and was found to
// contradict the log. It returns once the stream holds the log from the position first on.
// A relay that runs, here or elsewhere, fills it; where none does, Restore fills it itself.
// It must not be called on a Relay that runs.
func (r *Relay) Restore(ctx context.Context, judged time.Time, first uint64) error {
	head, err := r.recall(ctx)
	if err != nil {
		return err
	}
	found, err := r.look(ctx)
	if err == nil && found.rewound { // once the stream is made anew, nothing would show it
		err = r.begin(ctx, "the stream has what the log has not: "+found.reason)
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if err := remake(ctx, r.js, judged); err != nil {
		return err
	}
	if _, err := r.ensure(ctx, first); err != nil {
		return err
	}
	r.cfg.Logger.Warn("relay: the stream was made anew", "first", first)
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
			r.last, moved = last, time.Now()
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
