package vault

import (
	"context"
	"crypto/cipher"
	"errors"
	"maps"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
)

// fetch is keys on their way from the table. What is forgotten meanwhile must not
// be put back by it.
type fetch struct {
	gone map[events.ID]bool
	all  bool
}

// Keys are those of several people, in one round trip for all that are not in memory.
// They are for what is opened now: nobody forgotten meanwhile is taken out of them.
func (v *Vault) Keys(ctx context.Context, owners ...events.ID) (Keys, error) {
	keys, missing := v.Remembered(owners)
	if len(missing) == 0 {
		return keys, nil
	}
	fetched, err := v.fetch(ctx, missing)
	maps.Copy(keys, fetched)
	return keys, err
}

// Opener is Keys for who only opens, at less cost for one person: most answers are about one.
func (v *Vault) Opener(ctx context.Context, owners ...events.ID) (Opener, error) {
	if len(owners) != 1 || owners[0] == (events.ID{}) {
		return v.Keys(ctx, owners...)
	}
	key, err := v.key(ctx, owners[0])
	if err != nil && !errors.Is(err, ErrForgotten) {
		return nil, err
	}
	return Key{owners[0], key}, nil
}

// Remembered are those of several people that are in memory, and whose are not. They are
// for what is opened now, as those of Keys.
func (v *Vault) Remembered(owners []events.ID) (keys Keys, missing []events.ID) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	keys = make(Keys, len(owners))
	for _, id := range owners {
		key, ok := v.kept[id]
		switch {
		case ok:
			keys[id] = key
		case id != events.ID{}:
			missing = append(missing, id)
		}
	}
	return keys, missing
}

// fetch fetches keys from the table and keeps them; whose is not among them had none
// at the time. What Clear overtakes is asked for again.
func (v *Vault) fetch(ctx context.Context, owners []events.ID) (keys Keys, err error) {
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
func (v *Vault) end(f *fetch, keys Keys) bool {
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
		v.keep(id, key)
	}
	return true
}

func (v *Vault) read(ctx context.Context, owners []events.ID) (Keys, error) {
	rows, err := v.pool.Query(ctx, `-- read subject_key
		select subject, wrapped from sical.subject_key where subject = any($1)`, owners)
	if err != nil {
		return nil, err
	}
	keys := Keys{}
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
	key, ok := v.kept[owner]
	v.mu.RUnlock()
	if !ok {
		keys, err := v.fetch(ctx, []events.ID{owner})
		if err != nil {
			return nil, err
		}
		key = keys[owner]
	}
	if key == nil {
		return nil, ErrForgotten
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
