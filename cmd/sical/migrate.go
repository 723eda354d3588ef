package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sical-backend/internal/postgres"
)

// Migrate applies migrations.
type Migrate struct {
	Check         bool   `help:"Only tell what is pending; fails where something is."`
	RolePasswords string `help:"Folder with a file for each database role, named like it (sical_command, …), that holds its password; the roles get them." type:"existingdir"`
}

// Run migrates the Postgres given, or the private one of the data folder.
func (m *Migrate) Run(ctx context.Context, c *Config, out *output, logger *slog.Logger) error {
	if c.PostgresURL == "" {
		// Standing up the private Postgres migrates it; a running one was.
		a := newApp(*c, logger)
		defer a.Close()
		if err := a.joinOrStart(ctx); err != nil {
			return err
		}
		fmt.Fprintln(out, "The schema is up to date.")
		return nil
	}
	if m.Check {
		pending, err := postgres.Pending(ctx, c.PostgresURL)
		if err != nil {
			return err
		}
		for _, name := range pending {
			fmt.Fprintln(out, "pending:", name)
		}
		if len(pending) > 0 {
			return fmt.Errorf("%d migrations are pending", len(pending))
		}
		fmt.Fprintln(out, "The schema is up to date.")
		return nil
	}
	applied, err := postgres.Migrate(ctx, c.PostgresURL)
	for _, name := range applied {
		fmt.Fprintln(out, "applied:", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Fprintln(out, "The schema is up to date.")
	}
	if err == nil && m.RolePasswords != "" {
		err = m.setPasswords(ctx, c.PostgresURL)
	}
	return err
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
