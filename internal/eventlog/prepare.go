package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"sical-backend/events"
	"sical-backend/internal/vault"
)

// stored is an event in the form it is written in.
type stored struct {
	id       events.ID
	stream   events.Stream
	ordinal  int32 // of the stream in the batch
	name     string
	schema   int16
	final    bool
	owner    events.ID
	occurred time.Time
	data     []byte
	meta     []byte
}

// prepare encodes and seals an entry, in the goroutine of the command.
func (l *Log) prepare(ctx context.Context, e *Entry) error {
	e.stored = make([]stored, len(e.Events))
	if e.Secret != "" {
		e.sealed = l.vault.SealSecret(e.Subject, []byte(e.Secret))
	}
	for i, n := range e.Events {
		s, err := l.store(ctx, e, n)
		if err != nil {
			return err
		}
		e.stored[i] = s
		e.bytes += len(s.data) + len(s.meta)
	}
	return nil
}

func (l *Log) store(ctx context.Context, e *Entry, n NewEvent) (stored, error) {
	t := events.TypeOf(n.Data)
	data, err := l.seal(ctx, e, n, t)
	if err != nil {
		return stored{}, fmt.Errorf("seal %s: %w", t.Name, err)
	}
	raw, err := events.Encode(data)
	if err != nil {
		return stored{}, fmt.Errorf("encode %s: %w", t.Name, err)
	}
	meta, err := json.Marshal(n.Meta)
	if err != nil {
		return stored{}, err
	}
	id, err := uuid.NewV7()
	return stored{
		id: id, stream: n.Stream, name: t.Name, schema: int16(t.Schema), final: t.Final,
		owner: n.Owner, occurred: instant(n.OccurredAt), data: raw, meta: meta,
	}, err
}

// seal encrypts what is personal: with a new key for someone who registers, who
// cannot have one yet, else with the owner's.
func (l *Log) seal(ctx context.Context, e *Entry, n NewEvent, t *events.Type) (events.Data, error) {
	if !t.HasPersonal() {
		return n.Data, nil
	}
	if registers(n) {
		key, wrapped, err := l.vault.NewKey(n.Owner)
		if err != nil {
			return nil, err
		}
		e.newKey = wrapped
		return events.MapPersonal(n.Data, func(_ string, text events.Personal) (events.Personal, error) {
			return key.Seal(text), nil
		})
	}
	e.guardOwner(n)
	return events.MapPersonal(n.Data, func(_ string, text events.Personal) (events.Personal, error) {
		sealed, err := l.vault.Seal(ctx, n.Owner, text)
		if err != nil && !errors.Is(err, vault.ErrForgotten) {
			err = unreachable(err)
		}
		return sealed, err
	})
}

func registers(n NewEvent) bool {
	_, ok := n.Data.(*events.UserRegistered)
	return ok
}

// needsKeyOf tells whether e seals text of someone in the set, or registers
// someone again.
func (e *Entry) needsKeyOf(registered map[events.ID]bool) bool {
	for _, n := range e.Events {
		if registered[n.Owner] && events.TypeOf(n.Data).HasPersonal() {
			return true
		}
	}
	return false
}

// guardOwner makes sure that personal text is only written while its owner
// lives: sealed with a destroyed key nobody could ever read it.
func (e *Entry) guardOwner(n NewEvent) {
	if n.Owner == (events.ID{}) || n.Stream.Kind() == events.KindUser {
		return
	}
	user := events.StreamOf(events.KindUser, n.Owner)
	for _, g := range e.Guards {
		if g.Stream == user {
			return
		}
	}
	e.Guards = append(e.Guards, Guard{Stream: user, Version: Live})
}

// instant is t as the database keeps it, so that an event that is handed over
// equals the one that is read back.
func instant(t time.Time) time.Time { return events.Writable(t.UTC().Truncate(time.Microsecond)) }
