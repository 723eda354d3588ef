package bus

import (
	"context"
	"errors"

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
	cfg.Storage = jetstream.FileStorage
	cfg.Retention = jetstream.LimitsPolicy
	cfg.Discard = jetstream.DiscardOld
	cfg.AllowAtomicPublish = true
	cfg.DenyDelete = true
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	update := func(existing jetstream.Stream) (jetstream.Stream, error) {
		// Where a stream began cannot be changed.
		cfg.FirstSeq = existing.CachedInfo().Config.FirstSeq
		return js.UpdateStream(ctx, cfg)
	}

	existing, err := js.Stream(ctx, cfg.Name)
	if err == nil {
		return update(existing)
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	cfg.FirstSeq = firstSeq
	created, err := js.CreateStream(ctx, cfg)
	if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return created, err
	}
	// Somebody else created it, differently, in between.
	if existing, err = js.Stream(ctx, cfg.Name); err != nil {
		return nil, err
	}
	return update(existing)
}
