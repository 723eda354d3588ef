package bus

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// defaultMaxBytes keeps a forgotten stream from filling the disk: 1 GiB, after
// which the oldest messages go.
const defaultMaxBytes = 1 << 30

// EnsureStream creates the stream of the given configuration, or updates the
// existing one to it, and returns it. Name and Subjects are the caller's;
// storage is files, retention by limits (MaxBytes, 1 GiB if zero, and MaxAge)
// with the oldest messages discarded, atomic batches are allowed and single
// messages cannot be deleted.
//
// A stream that has to be created numbers its first message firstSeq, so that
// one that was lost goes on where the old one would have.
func EnsureStream(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig, firstSeq uint64) (jetstream.Stream, error) {
	cfg = sound(cfg)
	return createOr(ctx, js, cfg, firstSeq, func(existing jetstream.Stream) (jetstream.Stream, error) {
		update, info := cfg, existing.CachedInfo()
		found := info.Config
		// Where a stream began cannot be changed.
		update.FirstSeq = found.FirstSeq
		update.Metadata = map[string]string{}
		maps.Copy(update.Metadata, found.Metadata)
		if update.MaxBytes != found.MaxBytes || update.MaxAge != found.MaxAge {
			update.Metadata[firstKey] = strconv.FormatUint(info.State.FirstSeq, 10)
		}
		return js.UpdateStream(ctx, update)
	})
}

// firstKey is where the metadata of a stream say which message was its first one when
// EnsureStream last changed how much it keeps.
const firstKey = "sical.first"

// KeptFrom is the first sequence that the limits of a stream tell anything about: what was
// before it had gone when they were set, or was never there.
func KeptFrom(cfg jetstream.StreamConfig) uint64 {
	first, _ := strconv.ParseUint(cfg.Metadata[firstKey], 10, 64)
	return max(first, cfg.FirstSeq, 1)
}

// JoinStream creates the stream as EnsureStream does, for somebody who is not to say how
// much an existing one keeps: that takes the Subjects, and what EnsureStream gives every
// stream, and is left as it is in all else, such as limits and replicas.
func JoinStream(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig, firstSeq uint64) (jetstream.Stream, error) {
	return createOr(ctx, js, sound(cfg), firstSeq, func(existing jetstream.Stream) (jetstream.Stream, error) {
		found := existing.CachedInfo().Config
		update := sound(found)
		update.Subjects = cfg.Subjects
		if reflect.DeepEqual(update, found) { // an update might undo one that somebody makes at this moment
			return existing, nil
		}
		return js.UpdateStream(ctx, update)
	})
}

// sound is a configuration with what whoever writes to a stream or reads it here relies on.
func sound(cfg jetstream.StreamConfig) jetstream.StreamConfig {
	cfg.Storage = jetstream.FileStorage
	cfg.Retention = jetstream.LimitsPolicy
	cfg.Discard = jetstream.DiscardOld
	cfg.AllowAtomicPublish = true
	cfg.DenyDelete = true
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	return cfg
}

// createOr creates the stream, or has adjust bring an existing one up.
func createOr(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig, firstSeq uint64,
	adjust func(jetstream.Stream) (jetstream.Stream, error),
) (jetstream.Stream, error) {
	existing, err := js.Stream(ctx, cfg.Name)
	if err == nil {
		return adjust(existing)
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	cfg.FirstSeq = firstSeq
	created, err := create(ctx, js, cfg)
	if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return created, err
	}
	// Somebody else created it, differently, in between.
	if existing, err = js.Stream(ctx, cfg.Name); err != nil {
		return nil, err
	}
	return adjust(existing)
}

const (
	// codeNotCreated is the server's JSStreamCreateErrF, which the client does not name.
	codeNotCreated jetstream.ErrorCode = 10049
	createTries                        = 5
	createPause                        = 20 * time.Millisecond
)

// create makes a stream. A server that has just deleted the last one of an account takes
// the empty folders away a moment later, which may be while it makes the next one there:
// it fails then, and does not the next time (nats-server 2.15, server/stream.go, stop).
func create(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) (stream jetstream.Stream, err error) {
	for range createTries {
		stream, err = js.CreateStream(ctx, cfg)
		if api, ok := errors.AsType[*jetstream.APIError](err); !ok || api.ErrorCode != codeNotCreated {
			return stream, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(createPause):
		}
	}
	return stream, err
}
