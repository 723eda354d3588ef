package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// Claims is what an access token says of its bearer.
type Claims struct {
	User       uuid.UUID
	Session    uuid.UUID
	Role       string
	Generation int64 // the user's, when the token was signed
	Expires    time.Time
}

// Signer signs access tokens with the signing key of a Keyring.
type Signer struct {
	keys             *Keyring
	issuer, audience string
	clock            func() time.Time
}

// NewSigner returns a Signer that names issuer and audience in every token. It
// fails if they have none to sign with.
func NewSigner(keys *Keyring, issuer, audience string, clock func() time.Time) (*Signer, error) {
	if keys.signing == nil {
		return nil, keys.cannotSign()
	}
	return &Signer{keys, issuer, audience, clock}, nil
}

// Sign returns an access token that says c and expires after lifetime, from one
// second to MaxLifetime; c.Expires is not looked at.
func (s *Signer) Sign(c Claims, lifetime time.Duration) (string, error) {
	if lifetime < time.Second || lifetime > MaxLifetime {
		return "", fmt.Errorf("a token lives from 1 s to %v, not %v", MaxLifetime, lifetime)
	}
	now := s.clock()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, &accessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    s.issuer,
			Subject:   c.User.String(),
			Audience:  jwt.ClaimStrings{s.audience},
			ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
			NotBefore: jwt.NewNumericDate(now),
			IssuedAt:  jwt.NewNumericDate(now),
			ID:        rand.Text(),
		},
		Session: c.Session, Role: c.Role, Generation: c.Generation,
	})
	token.Header = headerFields(s.keys.signing.Public().(ed25519.PublicKey))
	return token.SignedString(s.keys.signing)
}

// accessClaims is the payload of an access token, RFC 9068 with `sid`, `role`
// and `gen` of our own.
type accessClaims struct {
	jwt.RegisteredClaims
	Session    uuid.UUID `json:"sid"`
	Role       string    `json:"role"`
	Generation int64     `json:"gen"`
}

// UnmarshalJSON reads strictly: golang-jwt would let the last of two equal
// names win and take `EXP` for `exp`.
func (c *accessClaims) UnmarshalJSON(text []byte) error {
	type plain accessClaims
	return jsonv2.Unmarshal(text, (*plain)(c))
}

// Validate refuses what golang-jwt lets pass; it is called by its parser.
func (c *accessClaims) Validate() error {
	switch {
	case c.IssuedAt == nil:
		return errors.New("no iat")
	case c.ExpiresAt == nil || c.ExpiresAt.Sub(c.IssuedAt.Time) > MaxLifetime:
		return errors.New("lives too long")
	case len(c.Audience) != 1:
		return errors.New("not for one audience")
	case c.ID == "" || c.Role == "" || c.Session == uuid.Nil || c.Generation < 0:
		return errors.New("a claim is missing")
	}
	return nil
}

func (c *accessClaims) claims() (Claims, error) {
	user, err := uuid.Parse(c.Subject)
	if err != nil {
		return Claims{}, err
	}
	return Claims{user, c.Session, c.Role, c.Generation, c.ExpiresAt.Time}, nil
}
