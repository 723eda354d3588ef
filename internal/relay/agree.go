package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/wire"
)

// errUnsettled says that stream and log did not come to agree: somebody else is at
// the stream, too.
var errUnsettled = errors.New("relay: the stream does not settle")

// agree finds where the stream ends and makes sure that it is the log's own: of
// the same incarnation, and at its last sequence the event that stands there in
// the log. Otherwise the stream is made anew, beginning a bounded way before the
// log's head; projectors read older events from the log in any case. Where the
// stream shows that the log itself went back, a new incarnation begins first.
func (r *Relay) agree(ctx context.Context) error {
	for range 4 { // making it anew, and a new incarnation, are seen by the next round
		head, err := r.recall(ctx)
		if err != nil {
			return err
		}
		stream, err := r.ensure(ctx, FirstOf(head))
		if err != nil {
			return err
		}
		found, err := r.inspect(ctx, stream)
		if err != nil {
			return err
		}
		switch {
		case found.rewound:
			err = r.begin(ctx, "the stream has what the log has not: "+found.reason)
		case found.reason != "":
			r.cfg.Logger.Warn("relay: the stream is not this log's, making it anew", "reason", found.reason)
			err = remake(ctx, r.js, found.created)
		default:
			r.last, r.lastID = found.last, found.lastID
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errUnsettled
}

// FirstOf is where a stream begins that is made when the log ends at head.
func FirstOf(head uint64) uint64 { return head - min(head, backlog) + 1 }

// knownIDs is for how long the server keeps the ids of messages, to refuse a second one.
// It is no part of the relay's fence, which the sequence is; by default they are kept for
// two minutes, and at 14,000 events a second those are 300 MB.
const knownIDs = time.Second

// ensure has the stream be there: as this relay is configured or, for a guest, as it is found.
func (r *Relay) ensure(ctx context.Context, first uint64) (jetstream.Stream, error) {
	if r.cfg.Guest {
		return bus.JoinStream(ctx, r.js, r.stream(), first)
	}
	return bus.EnsureStream(ctx, r.js, r.stream(), first)
}

// stream is the stream's configuration.
func (r *Relay) stream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: wire.Stream, Subjects: []string{wire.Subjects}, MaxBytes: r.limits.bytes, MaxAge: r.limits.age,
		Replicas:    r.limits.replicas,
		Duplicates:  min(knownIDs, cmp.Or(r.limits.age, knownIDs)), // the server wants no id kept longer than its message
		Description: "The event log in its order: sequence = position.",
	}
}

// recall reads which history the log is and where it ends. Where it was put back, a new
// incarnation begins.
func (r *Relay) recall(ctx context.Context) (head uint64, err error) {
	h, err := r.cfg.Log.History(ctx)
	if err != nil {
		return 0, err
	}
	if h.Incarnation != r.incarnation {
		r.incarnation, r.seen, r.lastID = h.Incarnation, 0, events.ID{}
	}
	why, err := r.wentBack(ctx, h)
	if err == nil && why != "" {
		err = r.begin(ctx, why)
	}
	if err != nil {
		return 0, err // and what is the witness still is it the next time
	}
	r.seen = h.Head
	return h.Head, nil
}

// wentBack tells by what the log was put back; "" where it was not, as far as it shows without
// the stream. It is shorter than this process or a view has seen it, or has not the event that
// was published last: it may have grown past that, and the stream that would tell be gone.
func (r *Relay) wentBack(ctx context.Context, h eventlog.History) (why string, err error) {
	switch {
	case h.Head < r.seen:
		return fmt.Sprintf("it ended at %d and ends at %d", r.seen, h.Head), nil
	case h.Head < h.Applied:
		return fmt.Sprintf("a view is at %d and the log ends at %d", h.Applied, h.Head), nil
	case r.lastID == (events.ID{}):
		return "", nil
	}
	logged, err := r.cfg.Log.Read(ctx, r.last-1, 1)
	if err != nil || len(logged) == 1 && logged[0].Position == r.last && r.isLast(logged[0]) {
		return "", err
	}
	return fmt.Sprintf("it has not the event that was published last, at %d", r.last), nil
}

// begin begins a new incarnation of the log. What is known of the one before is no witness
// against that.
func (r *Relay) begin(ctx context.Context, why string) error {
	id, err := r.cfg.Log.BeginIncarnation(ctx, r.incarnation, why)
	if err != nil {
		return err
	}
	r.cfg.Logger.Error("relay: the log went back; a new incarnation begins", "reason", why, "incarnation", id)
	r.incarnation, r.seen, r.lastID = id, 0, events.ID{}
	return nil
}

// verdict is what was found out about the stream.
type verdict struct {
	last    uint64    // its last sequence
	lastID  events.ID // of the event there; none where that is gone
	created time.Time // which of the streams of this name it is
	head    uint64    // of the log, read after the stream
	reason  string    // in what it contradicts the log; "" where it does not
	rewound bool      // it is the log that has changed
}

// limits are how much the stream keeps, and on how many servers.
type limits struct {
	bytes    int64
	age      time.Duration
	replicas int
}

// inspect looks at the stream and judges it. A guest notes the stream's limits: what it makes
// anew is to be like what was there.
func (r *Relay) inspect(ctx context.Context, stream jetstream.Stream) (verdict, error) {
	info, err := stream.Info(ctx)
	if err != nil {
		return verdict{}, err
	}
	if r.cfg.Guest {
		r.limits = limits{info.Config.MaxBytes, info.Config.MaxAge, info.Config.Replicas}
	}
	return r.judge(ctx, stream, info)
}

// judge compares the stream with the log. The log is read second, so that it has every
// event that another relay had published by the time the stream was looked at.
func (r *Relay) judge(ctx context.Context, stream jetstream.Stream, info *jetstream.StreamInfo) (v verdict, err error) {
	h, err := r.cfg.Log.History(ctx)
	if err != nil {
		return v, err
	}
	s := info.State
	v = verdict{last: s.LastSeq, created: info.Created, head: h.Head}
	switch {
	case s.LastSeq > h.Head:
		err = r.compare(ctx, stream, max(h.Head+1, s.FirstSeq), &v)
		v.reason = fmt.Sprintf("it ends at %d, the log at %d", s.LastSeq, h.Head)
	case s.NumDeleted > 0:
		v.reason = fmt.Sprintf("%d messages within it are gone", s.NumDeleted)
	case s.Msgs == 0 && h.Head-s.LastSeq > backlog:
		v.reason = fmt.Sprintf("it is empty and ends at %d, the log at %d", s.LastSeq, h.Head)
	case s.Msgs > 0:
		err = r.compare(ctx, stream, s.LastSeq, &v)
	}
	if err == nil && v.reason == "" {
		v.reason, err = r.lost(ctx, info, h.Head)
	}
	return v, err
}

// compare finds in what one message contradicts the log, or which event it is. If the message
// is of the log's own incarnation, and the log does not have that event there, the log was put
// back (rewound).
func (r *Relay) compare(ctx context.Context, stream jetstream.Stream, seq uint64, v *verdict) error {
	message, err := stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		v.reason = fmt.Sprintf("message %d cannot be read", seq)
		return nil
	}
	if err != nil {
		return err
	}
	found, err := wire.Decode(bus.Message{Seq: seq, Header: message.Header, Data: message.Data})
	if err != nil {
		v.reason = err.Error()
		return nil
	}
	logged, err := r.cfg.Log.Read(ctx, seq-1, 1)
	if err != nil {
		return err
	}
	own := message.Header.Get(wire.Incarnation) == r.incarnation.String()
	if own && len(logged) == 1 && logged[0].Position == seq && logged[0].ID == found.ID {
		v.lastID = found.ID
		return nil
	}
	v.reason, v.rewound = fmt.Sprintf("message %d is of another history", seq), own
	return nil
}

// largest is the size up to which a message fits, with its headers.
const largest = 1 << 20

// skew is how far the clocks of the servers may differ.
const skew = time.Minute

// lost names the message before the stream's first one, if only somebody's purge can have
// removed it: the stream has room for it, and it is not too old, by the stream's own limits,
// whoever set them. It is "" for none.
func (r *Relay) lost(ctx context.Context, info *jetstream.StreamInfo, head uint64) (string, error) {
	gone := info.State.FirstSeq - min(info.State.FirstSeq, 1)
	room := info.Config.MaxBytes - int64(info.State.Bytes)
	if gone < bus.KeptFrom(info.Config) || gone < FirstOf(head) || gone > head || room < 2*largest {
		return "", nil
	}
	logged, err := r.cfg.Log.Read(ctx, gone-1, 1)
	if err != nil || len(logged) == 0 {
		return "", err
	}
	if age := info.Config.MaxAge; age > 0 && time.Since(logged[0].RecordedAt) > age-skew {
		return "", nil
	}
	return fmt.Sprintf("message %d was purged", gone), nil
}

// remake deletes the stream, unless somebody has done so since it was judged.
func remake(ctx context.Context, js jetstream.JetStream, judged time.Time) error {
	stream, err := js.Stream(ctx, wire.Stream)
	if err == nil && stream.CachedInfo().Created.Equal(judged) {
		err = js.DeleteStream(ctx, wire.Stream)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	return err
}
