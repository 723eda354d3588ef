package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"
)

// patience is how long a password waits at most for its turn: an answer that comes later
// than a connection's deadline for writing would be none.
const patience = 5 * time.Second

// ErrBusy means that too many passwords wait to be hashed already, or that this one has
// waited too long; the caller should try again later.
var ErrBusy = errors.New("too many passwords are being checked")

// Hasher hashes passwords with Argon2id (RFC 9106), a few at a time: at the Advised cost each
// takes 19 MiB and tens of milliseconds of a core, so an unbounded number of logins
// would take the memory and the processor from everything else.
type Hasher struct {
	cost     Cost
	places   chan struct{} // running and waiting
	slots    chan struct{} // running
	patience time.Duration // tests have another
}

// Cost is what one hash takes from whoever makes it, and from whoever guesses.
type Cost struct {
	Memory     uint32 // KiB
	Iterations uint32 // of all that memory
}

// Advised is what OWASP ASVS 5.0, appendix C, asks at least.
var Advised = Cost{Memory: 19 << 10, Iterations: 2}

func (c Cost) params() *argon2id.Params {
	return &argon2id.Params{Memory: c.Memory, Iterations: c.Iterations, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// NewHasher returns a Hasher of parallel passwords at once and queue more that wait.
func NewHasher(cost Cost, parallel, queue int) *Hasher {
	return &Hasher{
		cost:     cost,
		places:   make(chan struct{}, parallel+queue),
		slots:    make(chan struct{}, parallel),
		patience: patience,
	}
}

// Hash returns the PHC string to store for a password that CheckPassword let
// pass. Its errors are ErrBusy and that of ctx.
func (h *Hasher) Hash(ctx context.Context, password string) (hash string, err error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return argon2id.CreateHash(normal(password), h.cost.params())
}

// Verify tells whether hash was made from password. An empty hash, for a user
// who is not there or has no password, takes as long as any other and matches
// nothing. Its errors are ErrBusy, that of ctx, and of a hash it cannot read.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	if hash == "" {
		hash = h.dummy()
	}
	return argon2id.ComparePasswordAndHash(normal(password), hash)
}

// dummy is a hash that no password was made into and that costs as much.
func (h *Hasher) dummy() string {
	zeros := func(n uint32) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }
	p := h.cost.params()
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.Memory, p.Iterations, p.Parallelism, zeros(p.SaltLength), zeros(p.KeyLength))
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.places <- struct{}{}:
	default:
		return ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-time.After(h.patience):
		<-h.places
		return ErrBusy
	case <-ctx.Done():
		<-h.places
		return ctx.Err()
	}
}

func (h *Hasher) leave() {
	<-h.slots
	<-h.places
}
