package vault

import (
	"context"
	"crypto/cipher"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
)

// fetch is keys on their way from the table. What is forgotten meanwhile must not
// be put back by it.
type fetch struct {
	gone map[events.ID]bool
	all  bool
}

// Prefetch fetches the keys of several people in one round trip. Whose key is gone or
// does not open is for Open to tell: the others' stay good.
func (v *Vault) Prefetch(ctx context.Context, owners []events.ID) error {
	missing := v.missing(owners)
	if len(missing) == 0 {
		return nil
	}
	_, err := v.fetch(ctx, missing)
	return err
}

func (v *Vault) missing(owners []events.ID) (ids []events.ID) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, id := range owners {
		if v.kept[id] == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// fetch fetches keys from the table and keeps them; whose is not among them had none
// at the time, and whose is nil has one that does not open. What Clear overtakes is
// asked for again.
func (v *Vault) fetch(ctx context.Context, owners []events.ID) (keys map[events.ID]cipher.AEAD, err error) {
	for {
		f := v.begin()
		keys, err = v.read(ctx, owners)
		if v.end(f, keys) || err != nil {
			return keys, err
		}
	}
}

func (v *Vault) begin() *fetch {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := &fetch{gone: map[events.ID]bool{}}
	v.fetches[f] = true
	return f
}

// end keeps what was fetched and takes out who was forgotten meanwhile. It returns
// false, and keeps nothing, where that may be anybody.
func (v *Vault) end(f *fetch, keys map[events.ID]cipher.AEAD) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.fetches, f)
	if f.all {
		return false
	}
	for id, key := range keys {
		if f.gone[id] {
			delete(keys, id)
			continue
		}
		if key != nil {
			v.keep(id, key)
		}
	}
	return true
}

func (v *Vault) read(ctx context.Context, owners []events.ID) (map[events.ID]cipher.AEAD, error) {
	rows, err := v.pool.Query(ctx, `-- read subject_key
		select subject, wrapped from sical.subject_key where subject = any($1)`, owners)
	if err != nil {
		return nil, err
	}
	keys := map[events.ID]cipher.AEAD{}
	var id events.ID
	var wrapped []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &wrapped}, func() error {
		keys[id] = nil
		size := v.master.NonceSize()
		if len(wrapped) < size {
			v.unopened(id)
			return nil
		}
		key, err := v.master.Open(nil, wrapped[:size], wrapped[size:], id[:])
		if err != nil {
			v.unopened(id)
			return nil
		}
		keys[id], err = aead(key)
		return err
	})
	return keys, err
}

// key is the owner's key. One that was fetched is taken from the fetch itself: what is
// kept may be cleared before it is looked at.
func (v *Vault) key(ctx context.Context, owner events.ID) (cipher.AEAD, error) {
	v.mu.RLock()
	key := v.kept[owner]
	v.mu.RUnlock()
	if key != nil {
		return key, nil
	}
	keys, err := v.fetch(ctx, []events.ID{owner})
	if err != nil {
		return nil, err
	}
	key, stands := keys[owner]
	switch {
	case !stands:
		return nil, ErrForgotten
	case key == nil:
		return nil, fmt.Errorf("key of %s: %w", owner, ErrUnopened)
	}
	return key, nil
}

// keep holds an opened key, in place of arbitrary others when there are many. The lock
// is held.
func (v *Vault) keep(owner events.ID, key cipher.AEAD) {
	for id := range v.kept {
		if len(v.kept) < maxKept {
			break
		}
		delete(v.kept, id)
	}
	v.kept[owner] = key
}
