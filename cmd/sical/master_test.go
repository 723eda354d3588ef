package main

import (
	"bytes"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever opens the vault without the database's master key is refused by name, before
// anything is written with another, and makes none.
func TestOtherMasterKeyIsRefused(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.account("ada")
	empty, file := t.TempDir(), filepath.Join(t.TempDir(), "master")
	require.NoError(t, os.WriteFile(file, []byte(rand.Text()+rand.Text()), 0o600))
	c := s.app.Config
	for want, change := range map[string]func(*Config){
		filepath.Join(empty, "keys", "master") + " is missing": func(c *Config) { c.DataDir = empty },
		file + ": this is not the master key":                  func(c *Config) { c.MasterKeyFile = file },
	} {
		c := c
		change(&c)
		for name, start := range map[string]func(*App) error{
			"command":   func(a *App) error { return a.startCommand(t.Context()) },
			"query":     func(a *App) error { return a.startQuery(t.Context()) },
			"projector": func(a *App) error { return a.startProjecting(t.Context()) },
		} {
			a := newApp(c, slog.New(slog.DiscardHandler))
			require.NoError(t, a.join(t.Context()))
			assert.ErrorContains(t, start(a), want, name)
			a.Close()
		}
	}
	assert.NoFileExists(t, filepath.Join(empty, "keys", "master"))

	for _, args := range [][]string{{"token", "--username", "ada"}, {"command", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}} {
		var stdout, stderr bytes.Buffer
		status := run(append(args, "--data-dir", empty, "--postgres-url", c.PostgresURL, "--nats-url", c.NATSURL, "--log-level", "error"), &stdout, &stderr)
		assert.Equal(t, failed, status, "%v", args)
		assert.Empty(t, stdout.String(), "%v", args)
		assert.Equal(t, 1, strings.Count(stderr.String(), "\n"), "%v: one line: %s", args, &stderr)
		assert.Contains(t, stderr.String(), "SICAL_MASTER_KEY_FILE")
	}
	assert.NoDirExists(t, filepath.Join(empty, "keys"), "no other key either")
}

// Who signs nothing makes no key: with one of its own it would refuse every token.
func TestOnlyWhoSignsMakesAKey(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	c := s.app.Config
	c.MasterKeyFile, c.DataDir = filepath.Join(s.app.keyDir(), "master"), t.TempDir()
	a := tool(t, c)
	require.NoError(t, a.join(t.Context()))
	assert.ErrorContains(t, a.startQuery(t.Context()), filepath.Join(c.DataDir, "keys", "tokens")+", where the command role makes one: --signing-keys")
	assert.ErrorContains(t, (&Bench{URL: s.url, Connections: 1}).Run(t.Context(), a, &output{io.Discard}), "--signing-keys")
	assert.NoDirExists(t, filepath.Join(c.DataDir, "keys"))
}
