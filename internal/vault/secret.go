package vault

import (
	"fmt"

	"sical-backend/events"
)

// SealSecret encrypts what a webhook's deliveries are signed with, by a key of
// its own that follows from the master secret, and binds it to the webhook.
func (v *Vault) SealSecret(webhook events.ID, secret []byte) []byte {
	return seal(v.secrets, secret, webhook)
}

// OpenSecret decrypts what SealSecret made.
func (v *Vault) OpenSecret(webhook events.ID, sealed []byte) ([]byte, error) {
	size := v.secrets.NonceSize()
	if len(sealed) < size {
		return nil, fmt.Errorf("secret of webhook %s: too short", webhook)
	}
	secret, err := v.secrets.Open(nil, sealed[:size], sealed[size:], webhook[:])
	if err != nil {
		return nil, fmt.Errorf("secret of webhook %s: the master key does not open it", webhook)
	}
	return secret, nil
}
