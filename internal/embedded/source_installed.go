package embedded

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// installed is a server the system's packages brought. Few put it on PATH.
type installed struct{ folders []string }

func (installed) String() string { return "an installed server" }

func (i installed) find(ctx context.Context, want string) (server, error) {
	var found []*binaries
	var problems []string
	for _, dir := range i.folders {
		b, err := probe(ctx, dir, want)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		b.origin = "installed"
		found = append(found, b)
	}
	if len(i.folders) == 0 {
		return nil, errors.New("neither pg_config nor PATH nor the usual folders lead to one")
	}
	if len(found) == 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	return slices.MaxFunc(found, func(a, b *binaries) int { return cmp.Compare(a.major, b.major) }), nil
}

// lookAround lists the folders of this machine that may hold a server's programs.
// pg_config may speak of a folder without a server, where only the client's
// development package is installed.
func lookAround() []string {
	var dirs []string
	if bin, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(bin)))
	}
	if program, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(program))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",         // Debian
		"/usr/pgsql-*/bin",                  // RHEL, from the project's own packages
		"/usr/libexec/postgresql*",          // Alpine
		"/opt/homebrew/opt/postgresql*/bin", // macOS
		"/usr/local/opt/postgresql*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/usr/local/pgsql/bin", // built from source
		"/usr/bin",
	} {
		found, _ := filepath.Glob(pattern)
		dirs = append(dirs, found...)
	}
	return serverFolders(dirs)
}

// serverFolders keeps the folders that hold a server, each once, by the place its
// programs really are in: PATH often names a folder of links.
func serverFolders(dirs []string) []string {
	var kept []string
	for _, dir := range dirs {
		program, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err != nil {
			continue
		}
		real := filepath.Dir(program)
		if _, err := os.Stat(filepath.Join(real, "initdb")); err == nil && !slices.Contains(kept, real) {
			kept = append(kept, real)
		}
	}
	return kept
}
