package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/internal/pause"
)

// Batch is a run of messages with consecutive sequences.
type Batch struct {
	// Prev is the last sequence handed over before; at first the one before
	// the start.
	Prev uint64
	// Messages has at least one message. It is valid until the call that was
	// given the batch returns; what the messages refer to stays.
	Messages []Message
}

// Gap reports whether the stream lacks messages between Prev and the first of
// the batch: they were discarded, or the stream was made anew further on.
func (b Batch) Gap() bool { return b.Messages[0].Seq != b.Prev+1 }

// BehindError says that the stream ends before what a reader has already
// read: it was restored or made anew. The reader waits until the stream passes Next. A
// caller for whom the messages read before are wrong now must end the reading.
type BehindError struct {
	Last uint64 // the stream's last sequence
	Next uint64 // the sequence the reader waits for
}

func (e *BehindError) Error() string {
	return fmt.Sprintf("bus: stream ends at %d, reader waits for %d", e.Last, e.Next)
}

// Reader follows a stream in order, in batches, without acknowledgements:
// whoever reads keeps the place. It is safe for concurrent use; each call of
// Read has a consumer of its own.
type Reader struct {
	js      jetstream.JetStream
	stream  string
	trouble func(error)
}

// NewReader returns a reader of a stream, which need not exist yet. It calls
// trouble with every error it recovers from (connection lost, server
// restarted, stream deleted) and with a *BehindError; nil drops them.
func NewReader(js jetstream.JetStream, stream string, trouble func(error)) *Reader {
	if trouble == nil {
		trouble = func(error) {}
	}
	return &Reader{js: js, stream: stream, trouble: trouble}
}

// maxReadBytes ends a batch, so that memory and the transaction that takes it
// stay bounded: 1 MiB of data.
const maxReadBytes = 1 << 20

const (
	minRetry = 50 * time.Millisecond
	maxRetry = 2 * time.Second
)

// Read calls fn with the messages from sequence start on, in stream order and
// each once, as soon as there are any: a batch is what arrived while the last
// call ran, at most maxMsgs messages or about 1 MiB. Read outlives reconnects,
// server restarts and the stream's deletion. It returns the error of fn or
// of ctx, or nats.ErrConnectionClosed once the connection is closed for good.
func (r *Reader) Read(ctx context.Context, start uint64, maxMsgs int, fn func(Batch) error) error {
	if start == 0 || maxMsgs < 1 {
		return fmt.Errorf("bus: cannot read from sequence %d, %d messages at a time", start, maxMsgs)
	}
	f := feed{reader: r, prev: start - 1, batch: make([]Message, 0, maxMsgs), fn: fn}
	retry := minRetry
	for {
		before := f.prev
		err := f.run(ctx)
		var end *endError
		switch {
		case errors.As(err, &end):
			return end.error
		case ctx.Err() != nil:
			return ctx.Err()
		case r.js.Conn().IsClosed():
			return nats.ErrConnectionClosed
		}
		r.trouble(err)
		if f.prev != before {
			retry = minRetry
		}
		if !pause.For(ctx, retry) {
			return ctx.Err()
		}
		retry = min(2*retry, maxRetry)
	}
}

// endError is an error of the caller's function, which ends the reading.
type endError struct{ error }

// errReconnected ends a consumer that may have sent messages into a
// connection that was already gone.
var errReconnected = errors.New("bus: reconnected")

// errLost ends a consumer whose messages did not all arrive.
var errLost = errors.New("bus: messages lost on the way")

// feed is one call of Read.
type feed struct {
	reader *Reader
	prev   uint64
	batch  []Message
	held   *Message // arrived behind a gap, begins the next batch
	fn     func(Batch) error
}

// run reads by one consumer until something happens to it.
func (f *feed) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f.held = nil

	consumer, err := f.consumer(ctx)
	if err != nil {
		return err
	}
	defer f.remove(consumer)

	nc := f.reader.js.Conn()
	connected := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(connected)

	// Pulls of twice a batch keep the next one coming while fn works.
	arrived := make(chan Message, cap(f.batch))
	consuming, err := consumer.Consume(receive(ctx, cancel, arrived),
		jetstream.PullMaxMessagesWithBytesLimit(2*cap(f.batch), 4*maxReadBytes),
		jetstream.PullHeartbeat(5*time.Second),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { cancel(err) }))
	if err != nil {
		return err
	}
	defer stop(consuming)
	defer cancel(nil) // a handler that is blocked would else keep stop waiting

	watch := time.NewTicker(watchInterval)
	defer watch.Stop()
	for silent := false; ; {
		select {
		case m := <-arrived:
			silent = false
			if err := f.hand(m, arrived); err != nil {
				return err
			}
		case <-connected:
			return errReconnected
		case <-watch.C:
			if silent {
				if err := stalled(ctx, consumer); err != nil {
					return err
				}
			}
			silent = true
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// consumer creates one that begins behind what was read. It lives in the
// server's memory and, if we vanish, goes by itself.
func (f *feed) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, f.reader.js.Options().DefaultTimeout)
	defer cancel()
	stream, err := f.reader.js.Stream(ctx, f.reader.stream)
	if err != nil {
		return nil, err
	}
	if last := stream.CachedInfo().State.LastSeq; last < f.prev {
		f.reader.trouble(&BehindError{Last: last, Next: f.prev + 1})
	}
	return stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       f.prev + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
}

// remove deletes the consumer if the server can be reached. Else the server deletes it
// once it has been inactive for long enough.
func (f *feed) remove(consumer jetstream.Consumer) {
	if !f.reader.js.Conn().IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// An error is no matter: the consumer may be gone already.
	_ = f.reader.js.DeleteConsumer(ctx, f.reader.stream, consumer.CachedInfo().Name)
}

// receive returns the handler that passes messages on. It runs on the
// subscription's goroutine and blocks while the reader is behind, which stops
// the pulling.
func receive(ctx context.Context, cancel context.CancelCauseFunc, arrived chan<- Message) jetstream.MessageHandler {
	var delivered uint64
	return func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err == nil && meta.Sequence.Consumer != delivered+1 {
			err = errLost
		}
		if err != nil {
			// delivered stays: all later messages are out of turn, too.
			cancel(err)
			return
		}
		delivered++
		select {
		case arrived <- Message{Seq: meta.Sequence.Stream, Subject: m.Subject(), Header: m.Headers(), Data: m.Data()}:
		case <-ctx.Done():
		}
	}
}

// hand gives the function what has arrived, from m on, and keeps what comes
// behind a gap for a batch of its own.
func (f *feed) hand(m Message, arrived <-chan Message) error {
	f.held = &m
	for f.held != nil {
		f.batch = append(f.batch[:0], *f.held)
		f.held = nil
		f.fill(arrived)
		if err := f.fn(Batch{Prev: f.prev, Messages: f.batch}); err != nil {
			return &endError{err}
		}
		f.prev = f.batch[len(f.batch)-1].Seq
	}
	return nil
}

func (f *feed) fill(arrived <-chan Message) {
	last, size := f.batch[0].Seq, len(f.batch[0].Data)
	for len(f.batch) < cap(f.batch) && size < maxReadBytes {
		select {
		case m := <-arrived:
			if m.Seq != last+1 {
				f.held = &m
				return
			}
			f.batch = append(f.batch, m)
			last, size = m.Seq, size+len(m.Data)
		default:
			return
		}
	}
}
