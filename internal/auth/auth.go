// Package auth decides who a caller is: passwords, logins, refresh tokens,
// signed access tokens and their revocation. It knows nothing of what a
// caller may do; that is decided where the command or the query is.
//
// An access token is a short-lived signed statement that any process checks
// from memory. A refresh token is an opaque secret that only the database
// knows, by its digest, and that works once. What joins them is the session,
// one login of one user, and the user's generation: a counter that rises each
// time all the user's sessions end at once.
//
// The generation, not a clock, tells tokens from before such an end from those
// after it. It is read before the password is checked and before role and
// status are looked up, travels in the token, and is compared when the session
// is opened, on each refresh and on each request. So a login that is still
// hashing while its user is suspended comes to nothing, clocks of different
// machines need not agree, and a login right after a password change works.
package auth

import "time"

const (
	// AccessLifetime is how long the access token of a session lives.
	AccessLifetime = 10 * time.Minute
	// MaxLifetime is the longest life a token may be signed for. Revocations
	// are remembered for as long, so a longer one could outlive its own.
	MaxLifetime = time.Hour
	// SessionLifetime is how long a login lasts, however often it is refreshed.
	SessionLifetime = 30 * 24 * time.Hour
	// Leeway is the clock difference between processes that tokens forgive.
	Leeway = 30 * time.Second
)
