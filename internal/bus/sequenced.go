package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is a message as the stream has it.
type Message struct {
	// Seq is its sequence in the stream; a publisher ignores it.
	Seq     uint64
	Subject string
	// ID becomes the Nats-Msg-Id header; a reader leaves it empty and the id in the header.
	ID     string
	Header nats.Header
	Data   []byte
}

// WrongSequenceError says that the stream did not end where the publisher
// thought: somebody else has published, an earlier try of one's own had
// succeeded, or the stream is another one. Nothing after the sequence that Publish
// returned is stored.
type WrongSequenceError struct {
	Expected uint64
	Last     uint64 // the stream's last sequence, asked for after the refusal
}

func (e *WrongSequenceError) Error() string {
	return fmt.Sprintf("bus: stream ends at %d, not at %d", e.Last, e.Expected)
}

// ErrUnknownOutcome wraps an error after which a batch may or may not have
// been stored, or may be stored later (the client's buffer survives a
// reconnect). Publishing it again with the same expected sequence is safe:
// only one of the two can find the stream as expected.
var ErrUnknownOutcome = errors.New("bus: outcome unknown")

// ErrDuplicateID says that the stream ends as expected and still knows the id
// of a message within its duplicate window: it has lost messages that it had
// acknowledged, or two messages share an id.
var ErrDuplicateID = errors.New("bus: stream knows the id of a new message")

// SequencedPublisher publishes to one stream on condition that it ends at a
// given sequence, so that of two publishers with the same idea one is refused
// and their messages never interleave. It is safe for concurrent use.
type SequencedPublisher struct {
	js     jetstream.JetStream
	stream string
}

// NewSequencedPublisher returns a publisher to an existing stream.
func NewSequencedPublisher(js jetstream.JetStream, stream string) *SequencedPublisher {
	return &SequencedPublisher{js: js, stream: stream}
}

// Publish stores the messages, in order and without a gap, right behind
// sequence expectedLast: a few one after the other, many as atomic batches
// (ADR-50) of at most 1,000 messages and 4 MiB, waiting for each at most the JetStream context's default timeout.
// It returns the sequence of the last message known to be stored —
// expectedLast if none is — also beside an error: what is stored stays. It adds
// headers of its own to the messages', so that none is published twice.
//
// The errors are *WrongSequenceError, ErrUnknownOutcome around the cause,
// ErrDuplicateID, ErrInvalidHeader and ErrNoID before anything is sent, or what
// else was the reason that a batch is certainly not stored.
func (p *SequencedPublisher) Publish(ctx context.Context, expectedLast uint64, messages []*Message) (uint64, error) {
	msgs := make([]*nats.Msg, len(messages))
	for i, m := range messages {
		for key, values := range m.Header {
			for _, value := range values {
				if err := checkHeader(key, value); err != nil {
					return expectedLast, err
				}
			}
		}
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		if err := setID(m.Header, m.ID); err != nil {
			return expectedLast, err
		}
		msgs[i] = &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}
	}
	for len(msgs) > 0 {
		n := chunk(msgs)
		last, err := p.publish(ctx, expectedLast, msgs[:n])
		if err != nil {
			return last, err
		}
		expectedLast, msgs = last, msgs[n:]
	}
	return expectedLast, nil
}

// fewMsgs is up to how many messages are published one after the other rather
// than as a batch. The server stages each batch in files of its own, which with
// every write synced costs as much as about this many messages. Each must be
// awaited: behind a refused one, a later one could find the stream as expected.
const fewMsgs = 12

// publish returns the last sequence known to be stored, also beside an error.
func (p *SequencedPublisher) publish(ctx context.Context, last uint64, msgs []*nats.Msg) (uint64, error) {
	if len(msgs) > fewMsgs {
		return p.attempt(ctx, last, msgs)
	}
	for i := range msgs {
		var err error
		if last, err = p.attempt(ctx, last, msgs[i:i+1]); err != nil {
			return last, err
		}
	}
	return last, nil
}

// attempt publishes one message, or several as one batch. It returns the last
// sequence afterwards, or expected and the reason.
func (p *SequencedPublisher) attempt(ctx context.Context, expected uint64, msgs []*nats.Msg) (last uint64, err error) {
	// An acknowledgement that a restarting server took with it never comes.
	ctx, cancel := context.WithTimeout(ctx, p.js.Options().DefaultTimeout)
	defer cancel()
	msgs[0].Header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(expected, 10)}
	msgs[0].Header[jetstream.ExpectedStreamHeader] = []string{p.stream}
	if len(msgs) > 1 {
		last, err = publishBatch(ctx, p.js, msgs)
	} else {
		last, err = publishOne(ctx, p.js, msgs[0])
	}
	switch {
	case err == nil && last == expected+uint64(len(msgs)):
		return last, nil
	case err == nil, isDuplicate(err):
		// A single duplicate is acknowledged, with the place it had been given before.
		return expected, p.refused(ctx, expected, ErrDuplicateID)
	case isWrongSequence(err):
		return expected, p.refused(ctx, expected, nil)
	case isRefusal(err):
		return expected, err
	default:
		return expected, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
}

func publishOne(ctx context.Context, js jetstream.JetStream, msg *nats.Msg) (uint64, error) {
	ack, err := js.PublishMsg(ctx, msg)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// refused asks where the stream ends. If it ends as expected, the sequence
// cannot have been the reason, and asExpected, if any, is.
func (p *SequencedPublisher) refused(ctx context.Context, expected uint64, asExpected error) error {
	stream, err := p.js.Stream(ctx, p.stream)
	if err != nil {
		return fmt.Errorf("bus: refused, and where the stream ends cannot be learnt: %w", err)
	}
	last := stream.CachedInfo().State.LastSeq
	if last == expected && asExpected != nil {
		return asExpected
	}
	return &WrongSequenceError{Expected: expected, Last: last}
}

func isWrongSequence(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// isRefusal reports whether the messages are certainly not stored: the server
// said no, nobody serves the subject, or they never left.
func isRefusal(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) || errors.Is(err, nats.ErrNoResponders) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrMaxPayload)
}
