package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"sync"
)

// tag is what a token is known again by, in place of its text: what lies in memory for an hour
// should not be worth stealing.
type tag [16]byte

// tagger makes tags: the GMAC of a text (NIST SP 800-38D) under a key of its own. Two texts that
// somebody chooses without knowing the key have the same tag with a probability of at most
// 513/2^128, for the 512 blocks of the longest token (McGrew and Viega, 2004, "The Security and
// Performance of the Galois/Counter Mode"); of 2^48 texts that are tried, one meets one of the
// 2^16 tokens that are remembered with at most 2^-55. The nonce is always the same, so that whoever saw
// tags could make others; none is ever shown. A tag takes half as long as SHA-256.
type tagger struct {
	gcm   cipher.AEAD
	rooms sync.Pool
}

// tagRoom holds what a cipher is given, as that leaves the stack.
type tagRoom struct {
	nonce [12]byte
	tag   tag
	text  []byte
}

func newTagger() *tagger {
	var key [16]byte
	rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // of a key of another size
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // of a cipher of another size
	}
	return &tagger{gcm: gcm, rooms: sync.Pool{New: func() any { return new(tagRoom) }}}
}

func (t *tagger) of(text string) tag {
	r := t.rooms.Get().(*tagRoom)
	r.text = append(r.text[:0], text...)
	t.gcm.Seal(r.tag[:0], r.nonce[:], nil, r.text)
	made := r.tag
	clear(r.text)
	t.rooms.Put(r)
	return made
}
