package relay

import (
	"context"
	"fmt"

	"sical-backend/internal/bus"
	"sical-backend/internal/pause"
	"sical-backend/internal/wire"
)

// check asks, while this relay is at work, whether log and stream are still what
// it takes them for. An error ends the work; agree then mends what is wrong.
func (r *Relay) check(ctx context.Context) error {
	incarnation := r.incarnation
	if _, err := r.recall(ctx); err != nil {
		return err
	}
	if r.incarnation != incarnation {
		return fmt.Errorf("relay: the log has another incarnation, %s", r.incarnation)
	}
	found, err := r.look(ctx)
	switch {
	case err != nil:
		return err
	case found.reason != "":
		return fmt.Errorf("relay: the stream is not this log's: %s", found.reason)
	case found.last > r.last:
		return &bus.WrongSequenceError{Expected: r.last, Last: found.last}
	case found.last < r.last:
		return fmt.Errorf("relay: the stream ends at %d, and ended at %d", found.last, r.last)
	}
	return nil
}

// look inspects the stream as it is, without making one.
func (r *Relay) look(ctx context.Context) (verdict, error) {
	stream, err := r.js.Stream(ctx, wire.Stream)
	if err != nil {
		return verdict{}, err
	}
	return r.inspect(ctx, stream)
}

// standBy waits until no other relay is at work: the stream is behind the log, or
// contradicts it, and nothing has changed between two looks.
func (r *Relay) standBy(ctx context.Context) error {
	amissBefore, lastBefore := false, uint64(0)
	for pause.For(ctx, standbyInterval) {
		if _, err := r.recall(ctx); err != nil {
			return err
		}
		found, err := r.look(ctx)
		if err != nil {
			return err
		}
		amiss := found.reason != "" || found.last < found.head
		if amiss && amissBefore && found.last == lastBefore {
			return nil
		}
		amissBefore, lastBefore = amiss, found.last
	}
	return ctx.Err()
}
