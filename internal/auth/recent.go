package auth

import "sync"

// recent is a map of at most limit entries that forgets those not used for
// longest, in two halves: a full young half becomes the old one, and what was
// old and not asked for since is dropped. It needs a lock around it.
type recent[K comparable, V any] struct {
	half       int
	young, old map[K]V
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{half: limit / 2, young: map[K]V{}}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	if value, ok := r.young[key]; ok {
		return value, true
	}
	value, ok := r.old[key]
	if ok {
		r.put(key, value)
	}
	return value, ok
}

func (r *recent[K, V]) put(key K, value V) {
	if _, known := r.young[key]; !known && len(r.young) >= r.half {
		r.old, r.young = r.young, make(map[K]V, r.half)
	}
	r.young[key] = value
}

func (r *recent[K, V]) delete(key K) {
	delete(r.young, key)
	delete(r.old, key)
}

// tokenCache remembers verified tokens by their tags. It is cut into parts with a
// lock each, so that cores seldom wait for each other.
type tokenCache [16]struct {
	sync.Mutex
	tokens *recent[tag, Claims]
}

func newTokenCache(limit int) *tokenCache {
	var c tokenCache
	for i := range c {
		c[i].tokens = newRecent[tag, Claims](limit / len(c))
	}
	return &c
}

func (c *tokenCache) get(t tag) (Claims, bool) {
	part := &c[t[0]%16]
	part.Lock()
	defer part.Unlock()
	return part.tokens.get(t)
}

func (c *tokenCache) put(t tag, claims Claims) {
	part := &c[t[0]%16]
	part.Lock()
	defer part.Unlock()
	part.tokens.put(t, claims)
}
