// Package vault seals personal text with the person's own key and opens it
// again. The keys stand in one table, each wrapped by a master key that stands
// outside the database. Destroying a person's row forgets the person: in the
// log, on the bus, in every table and in every backup of those, at once; keys that were
// opened before are dropped by Forget and Clear.
//
// Sealed text is AES-256-GCM with a random nonce and the owner's id as
// additional data, base64url, behind a version mark.
package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
)

// ErrForgotten is returned where the owner's key is gone, or was wrapped by another
// master key, of which OnUnopened tells: nobody can read the text any more.
var ErrForgotten = errors.New("forgotten")

// mark begins every sealed text of this form.
const mark = "s1."

// maxKept bounds the opened keys held in memory, about 1 KB each.
const maxKept = 50_000

// keptRoom is the largest room, in bytes, that is used again.
const keptRoom = 16 << 10

// Vault holds the master key and the keys it has lately opened.
type Vault struct {
	pool    *pgxpool.Pool
	master  cipher.AEAD
	secrets cipher.AEAD // of webhooks
	hashing []byte
	// fingerprint is what the master key is known again by.
	fingerprint []byte
	unopened    func(owner events.ID)

	mu      sync.RWMutex
	kept    Keys
	fetches map[*fetch]bool // under way
}

// New makes a vault of a master secret of at least 32 bytes.
func New(pool *pgxpool.Pool, secret []byte) (*Vault, error) {
	if len(secret) < 32 {
		return nil, errors.New("the master secret has fewer than 32 bytes")
	}
	wrapping, err := hkdf.Key(sha256.New, secret, nil, "sical subject keys", 32)
	if err != nil {
		return nil, err
	}
	hashing, err := hkdf.Key(sha256.New, secret, nil, "sical claims", 32)
	if err != nil {
		return nil, err
	}
	master, err := aead(wrapping)
	if err != nil {
		return nil, err
	}
	signing, err := hkdf.Key(sha256.New, secret, nil, "sical webhook secrets", 32)
	if err != nil {
		return nil, err
	}
	secrets, err := aead(signing)
	if err != nil {
		return nil, err
	}
	fingerprint, err := hkdf.Key(sha256.New, secret, nil, "sical master key fingerprint", 32)
	if err != nil {
		return nil, err
	}
	return &Vault{
		pool: pool, master: master, secrets: secrets, hashing: hashing, fingerprint: fingerprint, unopened: func(events.ID) {},
		kept: Keys{}, fetches: map[*fetch]bool{},
	}, nil
}

// OnUnopened has f told of each key that is fetched, and kept in memory as others are,
// and that the master key does not open. It is called before the vault is used.
func (v *Vault) OnUnopened(f func(owner events.ID)) { v.unopened = f }

// Hash is the keyed hash of a value of one kind, by which it is known again
// without being stored: a claimed name, or what a command had asked.
func (v *Vault) Hash(kind, value string) []byte {
	h := hmac.New(sha256.New, v.hashing)
	h.Write([]byte(kind + "\x00" + value))
	return h.Sum(nil)
}

// Key seals and opens text about one person.
type Key struct {
	owner events.ID
	aead  cipher.AEAD
}

// NewKey makes a key for a person who has none. The wrapped form must be stored
// in the transaction that records the person; only then does the vault know it,
// so that a registration that is refused leaves no trace here.
func (v *Vault) NewKey(owner events.ID) (key Key, wrapped []byte, err error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	key = Key{owner: owner}
	if key.aead, err = aead(secret); err != nil {
		return key, nil, err
	}
	return key, seal(v.master, secret, owner), nil
}

// Seal encrypts text about the key's owner.
func (k Key) Seal(text events.Personal) events.Personal {
	sealed := seal(k.aead, text, k.owner)
	written := make([]byte, 0, len(mark)+base64.RawURLEncoding.EncodedLen(len(sealed)))
	return events.Personal(base64.RawURLEncoding.AppendEncode(append(written, mark...), sealed))
}

// seal prefixes the ciphertext with its nonce and binds it to the owner.
func seal[T ~string | ~[]byte](key cipher.AEAD, text T, owner events.ID) []byte {
	size := key.NonceSize()
	sealed := make([]byte, size+len(text), size+len(text)+key.Overhead())
	nonce := sealed[:size]
	rand.Read(nonce)
	copy(sealed[size:], text)
	return key.Seal(nonce, nonce, sealed[size:], owner[:]) // in place
}

// Seal encrypts text about owner; what belongs to nobody stays plain. It fails
// with ErrForgotten where the owner has no key that opens.
func (v *Vault) Seal(ctx context.Context, owner events.ID, text events.Personal) (events.Personal, error) {
	if owner == (events.ID{}) {
		return text, nil
	}
	key, err := v.key(ctx, owner)
	if err != nil {
		return "", err
	}
	return Key{owner, key}.Seal(text), nil
}

// Opener opens texts about some people.
type Opener interface {
	// Open decrypts what Seal made; the empty text is itself, and so is what belongs to
	// nobody. It fails with ErrForgotten where the owner is none of the people, or has no key.
	Open(owner events.ID, sealed events.Personal) (string, error)
	// Has tells whether there is a key of the owner's.
	Has(owner events.ID) bool
}

// Keys are some people's keys; nil is one that the master key does not open.
type Keys map[events.ID]cipher.AEAD

// Open is of Opener.
func (k Keys) Open(owner events.ID, sealed events.Personal) (string, error) {
	if sealed == "" || owner == (events.ID{}) {
		return string(sealed), nil
	}
	return open(k[owner], owner, sealed)
}

// Has is of Opener.
func (k Keys) Has(owner events.ID) bool { return k[owner] != nil }

// Has is of Opener.
func (k Key) Has(owner events.ID) bool { return owner == k.owner && k.aead != nil }

// Open is of Opener.
func (k Key) Open(owner events.ID, sealed events.Personal) (string, error) {
	switch {
	case sealed == "", owner == events.ID{}:
		return string(sealed), nil
	case owner != k.owner:
		return "", ErrForgotten
	}
	return open(k.aead, owner, sealed)
}

// open decrypts a text of the owner's with their key, nil for none.
func open(key cipher.AEAD, owner events.ID, sealed events.Personal) (string, error) {
	if key == nil {
		return "", ErrForgotten
	}
	encoded, ok := strings.CutPrefix(string(sealed), mark)
	r := rooms.Get().(*room)
	defer r.leave()
	var err error
	r.text, err = base64.RawURLEncoding.AppendDecode(r.text[:0], []byte(encoded))
	if !ok || err != nil || len(r.text) < key.NonceSize() {
		return "", fmt.Errorf("text of %s is not sealed as this binary knows it", owner)
	}
	r.owner = owner
	nonce, closed := r.text[:key.NonceSize()], r.text[key.NonceSize():]
	text, err := key.Open(closed[:0], nonce, closed, r.owner[:]) // in place
	if err != nil {
		// Another key than the one it was sealed with: the old one is gone.
		return "", ErrForgotten
	}
	return string(text), nil
}

// room is where a text is opened. It is used again, as all that a cipher is given is
// allocated: a profile that is read from the tables opens three texts and more.
type room struct {
	owner events.ID
	text  []byte
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// leave leaves nothing readable behind.
func (r *room) leave() {
	clear(r.text)
	if cap(r.text) <= keptRoom {
		rooms.Put(r)
	}
}

// Forget drops a person's key from memory. The caller destroys the stored one.
func (v *Vault) Forget(owner events.ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.kept, owner)
	for f := range v.fetches {
		f.gone[owner] = true
	}
}

// Clear drops every key from memory; they are fetched again when needed.
func (v *Vault) Clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.kept)
	for f := range v.fetches {
		f.all = true
	}
}

func aead(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
