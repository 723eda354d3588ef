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

// masterSecret reads the secret that the users' keys are wrapped with, and names its
// file. Losing it loses every personal text: back it up apart from the database. One is
// made only for a database that has not begun with any.
func (a *App) masterSecret(begun func() (bool, error)) (name string, secret []byte, err error) {
	if name = a.MasterKeyFile; name == "" {
		name = filepath.Join(a.keyDir(), "master")
	}
	secret, err = os.ReadFile(name)
	if a.MasterKeyFile != "" || !errors.Is(err, fs.ErrNotExist) {
		return name, secret, err
	}
	switch begun, err := begun(); {
	case err != nil:
		return "", nil, err
	case begun:
		return "", nil, fmt.Errorf("%s is missing, and the database was begun with one: put it back, or name its file with --master-key-file (SICAL_MASTER_KEY_FILE)", name)
	}
	if err := makeSecret(name); err != nil {
		return "", nil, err
	}
	secret, err = os.ReadFile(name)
	return name, secret, err
}

// makeSecret makes a file of a new secret, unless another process was first: nobody
// sees half of it, and all see the same.
func makeSecret(name string) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	secret := make([]byte, 32)
	rand.Read(secret)
	_, err = f.Write(secret)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Link(f.Name(), name); errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// keyring reads the keys of access tokens. It makes none: who only checks tokens would
// take a key of its own for the one that they are signed with, and refuse them all.
func (a *App) keyring() (*auth.Keyring, error) {
	if len(a.SigningKeys) > 0 {
		return auth.ReadKeyring(a.SigningKeys...)
	}
	keys, err := auth.ReadFolder(a.tokenKeys())
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there are no keys of access tokens in %s, where the command role makes one: --signing-keys (SICAL_SIGNING_KEYS) names those of another machine", a.tokenKeys())
	}
	return keys, err
}

// signingKeyring is keyring for who signs, and makes a key where there is none.
func (a *App) signingKeyring() (*auth.Keyring, error) {
	if len(a.SigningKeys) > 0 {
		return a.keyring()
	}
	return auth.OpenKeyring(a.tokenKeys())
}

// tokenKeys is the folder of the keys of access tokens where none are given.
func (a *App) tokenKeys() string { return filepath.Join(a.keyDir(), "tokens") }
