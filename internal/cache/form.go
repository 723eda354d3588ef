package cache

import "sync"

// Kinds is how many other forms of an answer may be kept with it.
const Kinds = 2

// Form is another form of answers, such as a compressed one.
type Form struct {
	Kind int // its place beside the others, from 0, less than Kinds
	From int // bytes of a body from which the form is worth making
	// Make gives the form's body and ETag. It is called once an answer, however
	// many want it. No body means that the answer is better given as it is.
	Make func(Answer) (body []byte, etag string)
}

// form is one form of an answer that is kept.
type form struct {
	once sync.Once
	body []byte
	etag string
}

// In gives the answer in a form, which is made on the first demand and kept with
// the answer; made is false where the answer is better given as it is.
func (a Answer) In(f *Form) (in Answer, made bool) {
	if a.entry == nil || len(a.Body) < f.From {
		return a, false
	}
	kept := a.entry.form(f.Kind)
	kept.once.Do(func() {
		kept.body, kept.etag = f.Make(a)
		a.entry.size.Add(int64(overheadForm + len(kept.body) + len(kept.etag)))
		a.cache.charge(a.entry)
	})
	if kept.body == nil {
		return a, false
	}
	a.Body, a.ETag = kept.body, kept.etag
	return a, true
}

// form is the place of a form, made by whoever comes first.
func (e *entry) form(kind int) *form {
	place := &e.forms[kind]
	if kept := place.Load(); kept != nil {
		return kept
	}
	place.CompareAndSwap(nil, &form{})
	return place.Load()
}

// charge stores an entry again that has grown. Whoever asks while it is removed and added
// finds it among the recent ones, which it leaves once it is stored if it has grown too large
// for them: until then whoever asked for the form holds it anyway. One that is not current is
// only removed, and not even that where another one has its place.
func (c *Cache) charge(e *entry) {
	key := e.question()
	_, current := e.current(c.positions, 0)
	if current {
		c.mu.Lock()
		*c.recently(key) = e
		c.mu.Unlock()
		c.keep(e)
	} else {
		c.remove(e)
	}
	if current && e.size.Load() <= c.small {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if place := c.recently(key); *place == e {
		*place = nil
	}
}

// remove takes an entry out, unless another one has its place.
func (c *Cache) remove(e *entry) {
	c.keeping.RLock()
	defer c.keeping.RUnlock()
	c.putting.Lock()
	defer c.putting.Unlock()
	key := e.question()
	if stored, ok := c.store.Get(key); !ok || stored == e {
		c.store.Del(key)
	}
}
