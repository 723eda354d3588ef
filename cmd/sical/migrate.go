package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sical-backend/internal/embedded"
	"sical-backend/internal/postgres"
)

// Migrate applies migrations.
type Migrate struct {
	Check         bool   `help:"Only tell what is pending; fails where something is."`
	RolePasswords string `help:"Folder with a file for each database role, named like it (sical_command, …), that holds its password; the roles get them." type:"existingdir"`
}

// Validate refuses passwords with a look that changes nothing.
func (m *Migrate) Validate() error {
	if m.Check && m.RolePasswords != "" {
		return errors.New("--role-passwords: --check changes nothing, passwords either")
	}
	return nil
}

// Run migrates the Postgres given, or the private one of the data folder.
func (m *Migrate) Run(ctx context.Context, a *App, out *output) error {
	switch {
	case a.PostgresURL == "" && m.RolePasswords != "":
		return usageError{errors.New("--role-passwords is about the Postgres of --postgres-url; the private one has its own")}
	case a.PostgresURL == "":
		return m.private(ctx, a, out)
	}
	err := m.bring(ctx, a.PostgresURL, out)
	if err == nil && m.RolePasswords != "" {
		err = m.setPasswords(ctx, a.PostgresURL)
	}
	return err
}

// private is about the Postgres of the data folder. One that runs belongs to the process
// that runs it, which brought its schema up to its own binary's.
func (m *Migrate) private(ctx context.Context, a *App, out *output) error {
	folder := a.Config
	folder.NATSURL = "" // migrations have nothing to do with it
	run, err := folder.backends()
	if err == nil {
		return m.look(ctx, run.PostgresURLs[postgres.RoleCommand], out)
	}
	if !errors.Is(err, embedded.ErrNotRunning) {
		return err
	}
	if m.Check {
		if err := a.holds(); err != nil {
			return err
		}
	}
	admin, err := a.standUp(ctx)
	if err != nil {
		return err
	}
	return m.bring(ctx, admin, out)
}

// bring applies what is pending, or only looks.
func (m *Migrate) bring(ctx context.Context, url string, out *output) error {
	if m.Check {
		return m.look(ctx, url, out)
	}
	applied, err := postgres.Migrate(ctx, url)
	for _, name := range applied {
		fmt.Fprintln(out, "applied:", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Fprintln(out, "The schema is up to date.")
	}
	return err
}

// look tells what is pending, and fails where something is.
func (m *Migrate) look(ctx context.Context, url string, out *output) error {
	pending, err := postgres.Pending(ctx, url)
	if err != nil {
		return err
	}
	for _, name := range pending {
		fmt.Fprintln(out, "pending:", name)
	}
	switch {
	case len(pending) == 0:
		fmt.Fprintln(out, "The schema is up to date.")
		return nil
	case m.Check:
		return fmt.Errorf("%d migrations are pending", len(pending))
	}
	return fmt.Errorf("%d migrations are pending: sical serve of this binary applies them, in place of the older one that runs", len(pending))
}

// setPasswords gives every role the password that stands in the file of its name. A
// file of another name is refused: it would be a role that stays without.
func (m *Migrate) setPasswords(ctx context.Context, url string) error {
	files, err := filepath.Glob(filepath.Join(m.RolePasswords, "sical_*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		role := filepath.Base(file)
		if !slices.Contains(roles, role) {
			return fmt.Errorf("%s: there is no role of this name, but %s", file, strings.Join(roles, ", "))
		}
		password, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := postgres.SetPasswords(ctx, url, strings.TrimSpace(string(password)), role); err != nil {
			return err
		}
	}
	if len(files) == 0 {
		return fmt.Errorf("%s holds no file named like a role (%s)", m.RolePasswords, strings.Join(roles, ", "))
	}
	return nil
}
