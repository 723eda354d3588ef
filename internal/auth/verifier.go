package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var (
	// ErrToken means that a token is not one of ours, or not valid now.
	ErrToken = errors.New("access token is not valid")
	// ErrRevoked means that a valid token's session has ended.
	ErrRevoked = errors.New("access token is revoked")
)

const (
	maxTokenBytes = 8 << 10
	// cachedTokens bounds the cache; an entry takes about 200 bytes.
	cachedTokens = 1 << 16
)

// Verifier checks access tokens from memory alone.
//
// A signature costs some 60 µs, so a token that was found good is remembered by
// its tag. The memory vouches for the signature only: expiry and revocation
// are asked anew for every request. A tag of the text, rather than the
// token's id, because an id can be copied into a forged token.
type Verifier struct {
	keys        *Keyring
	parser      *jwt.Parser
	revocations *Revocations
	clock       func() time.Time
	tags        *tagger
	good        *tokenCache
	regulars    *regulars // the good ones that come again and again
}

// NewVerifier returns a Verifier for tokens that name this issuer and this
// audience, were signed by one of keys and are not in revocations.
func NewVerifier(keys *Keyring, issuer, audience string, revocations *Revocations, clock func() time.Time) *Verifier {
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithNotBeforeRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(Leeway),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(clock),
	)
	return &Verifier{keys, parser, revocations, clock, newTagger(), newTokenCache(cachedTokens), new(regulars)}
}

// Verify returns what a token says, if it may be believed now. Its errors are
// ErrToken, wrapped with the reason, and ErrRevoked.
func (v *Verifier) Verify(token string) (Claims, error) {
	if len(token) > maxTokenBytes {
		return Claims{}, fmt.Errorf("%w: longer than %d bytes", ErrToken, maxTokenBytes)
	}
	c, err := v.signed(token)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if !v.clock().Before(c.Expires.Add(Leeway)) {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, jwt.ErrTokenExpired)
	}
	if v.revocations.Revoked(c) {
		return Claims{}, ErrRevoked
	}
	return c, nil
}

// Known tells whether the token is one whose signature was checked lately and found good. It may
// have ended since.
func (v *Verifier) Known(token string) bool {
	if len(token) > maxTokenBytes {
		return false
	}
	_, ok := v.remembered(v.tags.of(token))
	return ok
}

// signed returns what a token of ours says, whether or not it is valid now.
func (v *Verifier) signed(token string) (Claims, error) {
	tag := v.tags.of(token)
	if c, ok := v.remembered(tag); ok {
		return c, nil
	}
	c, err := v.parse(token)
	if err != nil {
		return Claims{}, err
	}
	v.good.put(tag, c)
	return c, nil
}

// remembered returns what a token said whose signature was found good; one that comes again
// becomes a regular.
func (v *Verifier) remembered(tag tag) (Claims, bool) {
	if c, ok := v.regulars.get(tag); ok {
		return c, true
	}
	c, ok := v.good.get(tag)
	if ok {
		v.regulars.put(tag, c)
	}
	return c, ok
}

// parse finds the key by the whole header: what we sign begins with one of a
// few known texts. That settles alg, typ, kid, crit, jku, jwk, x5u, repeated
// names and other spellings before any JSON of a stranger's is read.
func (v *Verifier) parse(token string) (Claims, error) {
	header, _, _ := strings.Cut(token, ".")
	key, ok := v.keys.byHeader[header]
	if !ok {
		return Claims{}, errors.New("unknown key or header")
	}
	if strings.ContainsAny(token, "\r\n") {
		return Claims{}, errors.New("line break") // Go's base64 skips them, strict or not
	}
	var c accessClaims
	if _, err := v.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		return Claims{}, err
	}
	return c.claims()
}
