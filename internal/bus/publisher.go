package bus

import (
	"context"
	"errors"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// Publisher is a Watermill Publisher on a JetStream stream.
type Publisher struct {
	js  jetstream.JetStream
	cfg Config

	// batch lets one batch be in flight at a time: the server takes 50 per
	// stream from everybody together, and works on one at a time anyway.
	batch sync.Mutex

	closing sync.RWMutex // held for reading by every Publish
	closed  bool
}

var _ message.Publisher = (*Publisher)(nil)

// NewPublisher returns a Publisher to the stream of cfg, which must exist.
func NewPublisher(js jetstream.JetStream, cfg Config) (*Publisher, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Publisher{js: js, cfg: cfg}, nil
}

// Publish stores the messages in their order and returns when the stream has
// all of them. Several messages go as atomic batches (ADR-50) of at most 1,000
// messages and 4 MiB. A message whose UUID the topic has seen within the
// stream's duplicate window is not stored again; as a batch with such a message is
// refused whole, its messages are then published one by one.
//
// It returns ErrClosed, ErrInvalidHeader or ErrNoID before anything is sent,
// else what the server or the connection said. The outcome is unknown after a
// timeout; publishing the same messages again is safe.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	p.closing.RLock()
	defer p.closing.RUnlock()
	if p.closed {
		return ErrClosed
	}
	subject := p.cfg.Subject(topic)
	msgs := make([]*nats.Msg, len(messages))
	for i, m := range messages {
		var err error
		if msgs[i], err = encode(subject, m); err != nil {
			return err
		}
	}
	for len(msgs) > 0 {
		n := chunk(msgs)
		if err := p.publish(messages[len(messages)-len(msgs)].Context(), msgs[:n]); err != nil {
			return err
		}
		msgs = msgs[n:]
	}
	return nil
}

func (p *Publisher) publish(ctx context.Context, msgs []*nats.Msg) error {
	if len(msgs) > 1 {
		p.batch.Lock()
		_, err := publishBatch(ctx, p.js, msgs)
		p.batch.Unlock()
		if !isDuplicate(err) {
			return err
		}
		for _, m := range msgs {
			clearBatch(m.Header)
		}
	}
	for _, m := range msgs {
		if _, err := p.js.PublishMsg(ctx, m, jetstream.WithExpectStream(p.cfg.Stream)); err != nil {
			return err
		}
	}
	return nil
}

// Close waits for the calls of Publish that are under way; later ones are refused.
func (p *Publisher) Close() error {
	p.closing.Lock()
	defer p.closing.Unlock()
	p.closed = true
	return nil
}

// The server's default limit of a batch is 1,000 messages. It keeps no limit
// of bytes, but whatever is sent before the acknowledgement waits in a buffer.
const (
	maxBatchMsgs  = 1000
	maxBatchBytes = 4 << 20
)

// chunk returns how many of the first messages fit one batch; at least one.
func chunk(msgs []*nats.Msg) int {
	total := 0
	for i, m := range msgs {
		total += size(m)
		if i > 0 && (i == maxBatchMsgs || total > maxBatchBytes) {
			return i
		}
	}
	return len(msgs)
}

// size is about how many bytes a message takes, without its framing. nats.Msg.Size would
// encode the whole header to tell.
func size(m *nats.Msg) int {
	n := len(m.Subject) + len(m.Data)
	for key, values := range m.Header {
		for _, value := range values {
			n += len(key) + len(": \r\n") + len(value)
		}
	}
	return n
}

// publishBatch sends at least two messages as one atomic batch and returns the
// sequence of its last. Only the last is acknowledged: a wait for the first
// would add a round trip and say nothing that the last does not.
func publishBatch(ctx context.Context, js jetstream.JetStream, msgs []*nats.Msg) (uint64, error) {
	ack, err := jetstreamext.PublishMsgBatch(ctx, js, msgs, jetstreamext.BatchFlowControl{AckFirst: false})
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func clearBatch(header nats.Header) {
	delete(header, jetstreamext.BatchIDHeader)
	delete(header, jetstreamext.BatchSeqHeader)
	delete(header, jetstreamext.BatchCommitHeader)
}

// codeDuplicateInProcess is the server's JSStreamDuplicateMessageConflict,
// which the client does not name.
const codeDuplicateInProcess jetstream.ErrorCode = 10158

func isDuplicate(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	return api.ErrorCode == jetstreamext.JSErrCodeBatchPublishDuplicateMsgID || api.ErrorCode == codeDuplicateInProcess
}
