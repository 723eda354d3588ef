package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/internal/bus"
	"sical-backend/internal/wire"
)

// agree finds where the stream ends and makes sure that it is the log's own: the
// same incarnation, and at its last sequence the event that stands there in the
// log. Otherwise the stream is made anew, beginning a bounded way before the
// log's head; projectors read older events from the log in any case.
func (r *Relay) agree(ctx context.Context) error {
	incarnation, err := r.Log.Incarnation(ctx)
	if err != nil {
		return err
	}
	r.incarnation = incarnation.String()
	head, err := r.Log.Head(ctx)
	if err != nil {
		return err
	}
	first := uint64(1)
	if head > backlog {
		first = head - backlog + 1
	}
	config := jetstream.StreamConfig{
		Name: wire.Stream, Subjects: []string{wire.Subjects}, MaxBytes: r.MaxBytes, MaxAge: r.MaxAge,
		Description: "The event log in its order: sequence = position.",
	}
	stream, err := bus.EnsureStream(ctx, r.js, config, first)
	if err != nil {
		return err
	}
	reason, err := r.differs(ctx, stream, head)
	if err != nil {
		return err
	}
	if reason != "" {
		r.Logger.Warn("relay: the stream is not this log's, making it anew", "reason", reason)
		if err := r.js.DeleteStream(ctx, wire.Stream); err != nil {
			return err
		}
		if stream, err = bus.EnsureStream(ctx, r.js, config, first); err != nil {
			return err
		}
	}
	r.last = stream.CachedInfo().State.LastSeq
	return nil
}

// differs says in what the stream contradicts the log, "" where it does not.
func (r *Relay) differs(ctx context.Context, stream jetstream.Stream, head uint64) (string, error) {
	info, err := stream.Info(ctx)
	if err != nil {
		return "", err
	}
	last := info.State.LastSeq
	if last > head {
		// Another relay may have published since the head was read.
		if head, err = r.Log.Head(ctx); err != nil {
			return "", err
		}
	}
	if last > head {
		return fmt.Sprintf("it ends at %d, the log at %d", last, head), nil
	}
	if info.State.Msgs == 0 {
		return "", nil
	}
	message, err := stream.GetMsg(ctx, last)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Sprintf("message %d cannot be read", last), nil
	}
	if err != nil {
		return "", err
	}
	found, err := wire.Decode(bus.Message{Seq: last, Header: message.Header, Data: message.Data})
	if err != nil {
		return err.Error(), nil
	}
	logged, err := r.Log.Read(ctx, last-1, 1)
	if err != nil {
		return "", err
	}
	if message.Header.Get(wire.Incarnation) != r.incarnation || logged[0].ID != found.ID {
		return fmt.Sprintf("message %d is of another history", last), nil
	}
	return "", nil
}
