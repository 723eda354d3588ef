package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrIncomplete is returned by ReadRange where messages did not come although the stream
// has them: that something was not read does not prove that it is missing.
var ErrIncomplete = errors.New("bus: the stream was not read to its end")

// rangeBatch is how many messages are fetched at a time.
const rangeBatch = 500

// ReadRange calls fn with the messages that a stream has from one sequence to
// another, both included, in order and each once, and returns when there are no
// more. Unlike a Reader it does not wait for messages that the stream lacks, and
// does not outlive a failure. It returns the error of fn, of ctx or of the server,
// or ErrIncomplete.
func ReadRange(ctx context.Context, js jetstream.JetStream, stream string, from, to uint64, fn func(Message) error) error {
	consumer, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute,
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		_ = js.DeleteConsumer(ctx, stream, consumer.CachedInfo().Name) // or it goes by itself
	}()
	var delivered uint64
	for empty := 0; empty < 3; {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := consumer.FetchNoWait(rangeBatch)
		if err != nil {
			return err
		}
		before := delivered
		done, err := take(batch, to, &delivered, fn)
		if done || err != nil {
			return err
		}
		if delivered > before {
			empty = 0
			continue
		}
		empty++
		info, err := consumer.Info(ctx)
		if err != nil {
			return err
		}
		if info.NumPending == 0 && info.Delivered.Consumer == delivered {
			return nil
		}
	}
	return ErrIncomplete
}

// take hands over what was fetched. done says that the range ends there.
func take(batch jetstream.MessageBatch, to uint64, delivered *uint64, fn func(Message) error) (done bool, err error) {
	for m := range batch.Messages() {
		if done || err != nil {
			continue // drain the channel until it is closed, or the fetch would hang
		}
		meta, bad := m.Metadata()
		switch {
		case bad != nil:
			err = bad
		case meta.Sequence.Consumer != *delivered+1:
			err = fmt.Errorf("%w: %w", ErrIncomplete, errLost)
		case meta.Sequence.Stream > to:
			done = true
		default:
			*delivered++
			err = fn(Message{Seq: meta.Sequence.Stream, Subject: m.Subject(), Header: m.Headers(), Data: m.Data()})
			done = meta.Sequence.Stream == to || meta.NumPending == 0
		}
	}
	if err == nil && !done {
		err = batch.Error()
	}
	return done, err
}
