package relay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/events"
	"sical-backend/internal/wire"
)

// ErrSubject is returned for a subject on which nothing may be sent again.
var ErrSubject = errors.New("events cannot be sent again on this subject")

// ErrPositions is returned for a range that is none or not in the log.
var ErrPositions = errors.New("no such range of the log")

// Replay is a range of the log to send again, to somebody outside.
type Replay struct {
	Log  Log
	NATS *nats.Conn
	// From and To are positions, both included; a To of 0 is the log's head.
	From, To uint64
	// Subject is where to: none of this system's own, and no wildcard.
	Subject string
	// Progress is called now and then with how many events are sent; nil for nobody.
	Progress func(sent, all uint64)
}

// CheckSubject tells why nothing may be sent again on a subject, nil where it may.
func CheckSubject(subject string) error {
	first, _, _ := strings.Cut(subject, ".")
	switch {
	case subject == "" || strings.ContainsAny(subject, " \t\r\n*>\x00") || strings.Contains("."+subject+".", ".."):
		return fmt.Errorf("%w: %q is no subject to publish on", ErrSubject, subject)
	case first+"." == wire.Root:
		return fmt.Errorf("%w: %q is this system's own, and its readers would take it for news", ErrSubject, subject)
	case strings.HasPrefix(first, "$") || strings.HasPrefix(first, "_"):
		return fmt.Errorf("%w: %q belongs to NATS", ErrSubject, subject)
	}
	return nil
}

// Send sends the events in the log's order, each as it is on the stream and with
// its position in a header, and returns how many. Where a stream takes the subject
// in, each is acknowledged by it, unless it is configured to acknowledge nothing; elsewhere
// whoever listens just then gets them. It fails with nats.ErrPermissionViolation where NATS
// refuses them, and where acknowledgements stay away. No message carries an id to be
// deduplicated by: whoever asks for events again is to get them.
func (p Replay) Send(ctx context.Context) (sent uint64, err error) {
	if err := CheckSubject(p.Subject); err != nil {
		return 0, err
	}
	h, err := p.Log.History(ctx)
	if err != nil {
		return 0, err
	}
	if p.To == 0 {
		p.To = h.Head
	}
	if p.From == 0 || p.From > p.To || p.To > h.Head {
		return 0, fmt.Errorf("%w: %d to %d, of a log that ends at %d", ErrPositions, p.From, p.To, h.Head)
	}
	publish, flush, err := p.publisher(ctx)
	if err != nil {
		return 0, err
	}
	for after := p.From - 1; after < p.To; {
		list, err := p.Log.Read(ctx, after, int(min(pageSize, p.To-after)))
		if err != nil {
			return sent, err
		}
		if len(list) == 0 {
			return sent, fmt.Errorf("%w: it ends at %d by now", ErrPositions, after)
		}
		for _, e := range list {
			if err := publish(message(e, h.Incarnation, p.Subject)); err != nil {
				return sent, err
			}
		}
		if err := flush(); err != nil {
			return sent, err
		}
		after, sent = list[len(list)-1].Position, sent+uint64(len(list))
		if p.Progress != nil {
			p.Progress(sent, p.To-p.From+1)
		}
	}
	return sent, nil
}

// message is an event as it is sent again.
func message(e events.Event, incarnation events.ID, subject string) *nats.Msg {
	m := wire.Encode(e, incarnation.String())
	m.Header[wire.Position] = []string{strconv.FormatUint(e.Position, 10)}
	return &nats.Msg{Subject: subject, Header: m.Header, Data: m.Data}
}

// publisher finds out how to publish on the subject, and how to wait until what was
// published has arrived.
func (p Replay) publisher(ctx context.Context) (publish func(*nats.Msg) error, flush func() error, err error) {
	js, err := jetstream.New(p.NATS)
	if err != nil {
		return nil, nil, err
	}
	name, err := js.StreamNameBySubject(ctx, p.Subject)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return p.NATS.PublishMsg, p.arrival(), nil
	case err != nil:
		return nil, nil, err
	case name == wire.Stream:
		return nil, nil, fmt.Errorf("%w: the stream %s takes %q in", ErrSubject, name, p.Subject)
	case quiet(ctx, js, name):
		return p.NATS.PublishMsg, p.arrival(), nil
	}
	arrived := p.arrival()
	var acks []jetstream.PubAckFuture
	publish = func(m *nats.Msg) error {
		ack, err := js.PublishMsgAsync(m)
		acks = append(acks, ack)
		return err
	}
	flush = func() error {
		defer func() { acks = acks[:0] }()
		if err := arrived(); err != nil {
			return err // of what is refused no acknowledgement comes
		}
		for _, ack := range acks {
			select {
			case <-ack.Ok():
			case err := <-ack.Err():
				return err
			case <-time.After(timeout): // since the one before
				return fmt.Errorf("the stream %s: %w", name, jetstream.ErrAsyncPublishTimeout)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	return publish, flush, nil
}

// quiet tells whether a stream is configured to acknowledge nothing. Of one that NATS does not
// let this user look at it is not known.
func quiet(ctx context.Context, js jetstream.JetStream, name string) bool {
	stream, err := js.Stream(ctx, name)
	return err == nil && stream.CachedInfo().Config.NoAck
}

// arrival returns what waits until NATS has what was published since, and fails where it refused
// some. A refusal answers no call: the connection keeps it as its last error, before a flush that
// was sent later is answered. Earlier ones do not count. One that has come since does, whatever
// it is about: it may hide another.
func (p Replay) arrival() func() error {
	before := p.NATS.LastError()
	return func() error {
		if err := p.NATS.FlushTimeout(timeout); err != nil {
			return err
		}
		if err := p.NATS.LastError(); errors.Is(err, nats.ErrPermissionViolation) && err != before {
			return err
		}
		return nil
	}
}
