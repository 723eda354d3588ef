package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const stream = "SICAL_EVENTS"

// config says what to follow and where to remember it.
type config struct{ url, durable, state, subject string }

// consumer is one run.
type consumer struct {
	config
	js  jetstream.JetStream
	out *json.Encoder
	place
}

// follow prints events until ctx ends. Whatever else ends it, it begins again at its
// place.
func follow(ctx context.Context, c config, out io.Writer) error {
	conn, err := nats.Connect(c.url, nats.Name("sical example consumer"), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.CustomInboxPrefix("_INBOX.sical_consumer")) // in a deployment it may hear no other
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	f := &consumer{config: c, js: js, out: json.NewEncoder(out)}
	if f.place, err = load(c.state); err != nil {
		return err
	}
	for {
		err := f.session(ctx)
		var own *ownError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &own):
			return own.error
		}
		fmt.Fprintln(os.Stderr, "consumer: trying again:", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// ownError is one that trying again would not mend: of the output or the state file.
type ownError struct{ error }

// session follows by one consumer of the server, until something happens to it.
func (f *consumer) session(ctx context.Context) error {
	s, err := f.js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	begin := f.Position + 1
	if last := s.CachedInfo().State.LastSeq; last < f.Position {
		// The log went back, or the stream is being filled again. What comes tells:
		// what is known is stepped over.
		begin = 1
	}
	// It is made anew each time. The place kept here is what counts, not the server's; and
	// what was left behind by a kill, events that were fetched as well as a request for more,
	// goes with the old one. In a deployment with several servers such a request would be
	// given the next events, as none of them sees that nobody is there any more.
	if err := s.DeleteConsumer(ctx, f.durable); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	durable, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: f.durable, FilterSubject: f.subject, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: begin,
		AckPolicy: jetstream.AckAllPolicy, AckWait: 30 * time.Second,
	})
	if err != nil {
		return err
	}
	for {
		batch, err := durable.Fetch(500, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			return err
		}
		var last jetstream.Msg
		for m := range batch.Messages() {
			if err := f.take(m); err != nil {
				return err
			}
			last = m
		}
		if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if last == nil {
			if err := f.still(ctx, durable); err != nil {
				return err
			}
			continue
		}
		if err := f.save(f.state); err != nil {
			return &ownError{err}
		}
		if err := last.Ack(); err != nil { // tells operators how far this is
			return err
		}
	}
}

// still asks, where nothing comes, whether the consumer is there: it goes with a
// stream that is made anew.
func (f *consumer) still(ctx context.Context, durable jetstream.Consumer) error {
	_, err := durable.Info(ctx)
	return err
}

// line is what is printed: an event, or what was noticed before one.
type line struct {
	Position uint64          `json:"position"`
	Notice   string          `json:"notice,omitempty"`
	Type     string          `json:"type,omitempty"`
	Stream   string          `json:"stream,omitempty"`
	ID       string          `json:"event_id,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
}

// take deals with one message. What was dealt with comes again at times, and is
// stepped over.
func (f *consumer) take(m jetstream.Msg) error {
	h := m.Headers()
	previous, err := strconv.ParseUint(h.Get("Sical-Previous"), 10, 64)
	if err != nil {
		return fmt.Errorf("a message without Sical-Previous: %w", err)
	}
	position, incarnation := previous+1, h.Get("Sical-Incarnation")
	switch {
	case f.Incarnation != "" && incarnation != f.Incarnation:
		// What was made of positions behind the point that the log was put back to
		// is void. Which those are only you can tell; start over where in doubt.
		f.notice(position, "the log has another incarnation: "+incarnation)
	case position <= f.Position:
		return nil
	case previous != f.Position && f.subject == "sical.events.>":
		f.notice(position, fmt.Sprintf("events %d to %d are missing: sical events replay --from %d --to %d --subject YOURS",
			f.Position+1, previous, f.Position+1, previous))
	}
	f.Incarnation, f.Position = incarnation, position
	err = f.out.Encode(line{Position: position, Type: h.Get("ce-type"), Stream: h.Get("ce-subject"), ID: h.Get("ce-id"), Data: m.Data()})
	if err != nil {
		return &ownError{err}
	}
	return nil
}

func (f *consumer) notice(position uint64, text string) {
	_ = f.out.Encode(line{Position: position, Notice: text}) // the event's own line tells of an error
}
