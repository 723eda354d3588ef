package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sical-backend/internal/auth"
)

// keyDir is where keys are made when none are given.
func (a *App) keyDir() string { return filepath.Join(a.DataDir, "keys") }

// masterSecret reads the secret that the users' keys are wrapped with. Losing it
// loses every personal text: back it up apart from the database.
func (a *App) masterSecret() ([]byte, error) {
	if a.MasterKeyFile != "" {
		return os.ReadFile(a.MasterKeyFile)
	}
	name := filepath.Join(a.keyDir(), "master")
	secret, err := os.ReadFile(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := os.MkdirAll(a.keyDir(), 0o700); err != nil {
		return nil, err
	}
	secret = make([]byte, 32)
	rand.Read(secret)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	_, err = f.Write(secret)
	return secret, errors.Join(err, f.Sync(), f.Close())
}

// keyring reads the keys of access tokens.
func (a *App) keyring() (*auth.Keyring, error) {
	if len(a.SigningKeys) > 0 {
		return auth.ReadKeyring(a.SigningKeys...)
	}
	return auth.OpenKeyring(filepath.Join(a.keyDir(), "tokens"))
}
