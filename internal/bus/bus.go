// Package bus carries messages over NATS JetStream. The program uses it in batches:
// SequencedPublisher fences itself by the stream's last sequence, and a Reader follows a
// stream in order from any sequence.
//
// Publisher and Subscriber are Watermill's interfaces on a stream, for handlers that take
// one message at a time from a durable consumer. No part of the running program is such a
// handler: they are the ground for one, and pass Watermill's universal test suite.
//
// It knows nothing of what the messages mean, and it never closes the
// connection it is given.
package bus

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrClosed is returned by a Publisher or Subscriber after its Close.
var ErrClosed = errors.New("bus: closed")

// ErrInvalidHeader is returned for a header that NATS would not carry
// unchanged, or that would give the server an order.
var ErrInvalidHeader = errors.New("bus: invalid header")

// ErrNoID is returned for a message without an id: it could be neither
// deduplicated nor told apart.
var ErrNoID = errors.New("bus: message without an id")

// Config says where topics live.
type Config struct {
	// Stream is the name of the JetStream stream, which must exist: see EnsureStream.
	Stream string
	// Subject maps a Watermill topic to a subject of that stream; nil takes
	// the topic as the subject.
	Subject func(topic string) string
}

func (c *Config) validate() error {
	if c.Stream == "" {
		return errors.New("bus: no stream name")
	}
	if c.Subject == nil {
		c.Subject = func(topic string) string { return topic }
	}
	return nil
}

// reserved begins the names of the headers that JetStream itself writes and obeys.
const reserved = "Nats-"

// checkHeader refuses what would break the protocol (a line break is a new
// header), be trimmed on the way, or be obeyed by the server.
func checkHeader(key, value string) error {
	switch {
	case key == "" || has(key, ':', ' ', '\t', '\r', '\n'):
		return fmt.Errorf("%w: name %q", ErrInvalidHeader, key)
	case len(key) >= len(reserved) && strings.EqualFold(key[:len(reserved)], reserved):
		return fmt.Errorf("%w: name %q is reserved", ErrInvalidHeader, key)
	case has(value, '\r', '\n') || strings.Trim(value, " \t") != value:
		return fmt.Errorf("%w: value of %q", ErrInvalidHeader, key)
	}
	return nil
}

// has tells whether text holds one of some bytes. strings.ContainsAny makes a set of
// them for each call, which for a header takes longer than looking.
func has(text string, any ...byte) bool {
	for _, b := range any {
		if strings.IndexByte(text, b) >= 0 {
			return true
		}
	}
	return false
}

// encode turns a Watermill message into a NATS one: the UUID becomes the
// Nats-Msg-Id, every metadata entry a header. The id names the subject, too: a
// stream drops a known id whatever its subject, and a message that is passed on
// to another topic of the stream, as to a poison queue, must not be dropped.
func encode(subject string, m *message.Message) (*nats.Msg, error) {
	// Three more are added by an atomic batch.
	header := make(nats.Header, len(m.Metadata)+4)
	for key, value := range m.Metadata {
		if err := checkHeader(key, value); err != nil {
			return nil, err
		}
		header[key] = []string{value}
	}
	if err := setID(header, m.UUID); err != nil {
		return nil, err
	}
	header[jetstream.MsgIDHeader][0] += at(subject)
	return &nats.Msg{Subject: subject, Header: header, Data: m.Payload}, nil
}

func at(subject string) string { return "@" + subject }

func setID(header nats.Header, id string) error {
	if id == "" {
		return ErrNoID
	}
	if has(id, '\r', '\n') || strings.Trim(id, " \t") != id {
		return fmt.Errorf("%w: id %q", ErrInvalidHeader, id)
	}
	header[jetstream.MsgIDHeader] = []string{id}
	return nil
}

// decode is the inverse of encode; of a message that somebody else published,
// the whole id is the UUID, and without one it returns ErrNoID.
func decode(subject string, header nats.Header, data []byte) (*message.Message, error) {
	id := strings.TrimSuffix(header.Get(jetstream.MsgIDHeader), at(subject))
	if id == "" {
		return nil, ErrNoID
	}
	m := message.NewMessage(id, data)
	for key, values := range header {
		if len(values) > 0 && !strings.HasPrefix(key, reserved) {
			m.Metadata[key] = values[0]
		}
	}
	return m, nil
}
