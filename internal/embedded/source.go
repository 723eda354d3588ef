package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// oldest is the oldest major version of Postgres sical's SQL runs on.
const oldest = 14

// source is one place a Postgres server can come from.
type source interface {
	// String names the place in a sentence: "an installed server".
	String() string
	// find returns the server of this place whose data folder is called want, or its
	// newest if want is empty. The error says what was missing.
	find(ctx context.Context, want string) (server, error)
}

// NPM as Options.PostgresBin is the server of the npm package, whatever is installed.
const NPM = "npm"

// sources lists where to look, in order. What the user named is final.
func sources(o Options) []source {
	packed := npmPackage{cacheDir: cacheDir(o.DataDir), logger: o.Logger}
	switch o.PostgresBin {
	case "":
		return []source{installed{lookAround()}, packed, docker{2 * time.Second}}
	case NPM:
		return []source{packed}
	}
	return []source{givenFolder{o.PostgresBin}}
}

// findServer asks the sources in order. A data folder that exists decides the
// version: a newer server on an empty folder of its own would look like lost data.
func findServer(ctx context.Context, places []source, dataDir string) (server, error) {
	want, err := existingCluster(dataDir)
	if err != nil {
		return nil, err
	}
	var tried strings.Builder
	for _, place := range places {
		found, err := place.find(ctx, want)
		if err == nil {
			return found, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		fmt.Fprintf(&tried, "\n  %s: %v", place, err)
	}
	need := fmt.Sprintf("no Postgres %d or later found", oldest)
	if want != "" {
		need = fmt.Sprintf("no Postgres for the data in %s found (move that folder away to start empty)", filepath.Join(dataDir, want))
	}
	return nil, fmt.Errorf("%s; tried:%s\ninstall one with `%s`, or give the URL of a running one", need, &tried, installLine())
}

var clusterName = regexp.MustCompile(`^pg([0-9]+)(-docker)?$`)

// Holds tells whether there is a private Postgres in the data folder, running or not. It
// fails where the folder may not be looked into.
func Holds(dataDir string) (bool, error) {
	cluster, err := existingCluster(dataDir)
	return cluster != "", err
}

// existingCluster returns the name of the newest folder in the data folder that has the
// data of a Postgres, or "".
func existingCluster(dataDir string) (newest string, err error) {
	entries, err := os.ReadDir(dataDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	version := 0
	for _, entry := range entries {
		match := clusterName.FindStringSubmatch(entry.Name())
		if match == nil {
			continue
		}
		// Where Docker could not fetch its image the folder is left empty.
		if _, err := os.Stat(filepath.Join(dataDir, entry.Name(), "PG_VERSION")); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if major, err := strconv.Atoi(match[1]); err == nil && major > version {
			newest, version = entry.Name(), major
		}
	}
	return newest, nil
}

// cacheDir is where downloaded servers are kept. Root's own cache is closed to the
// user Postgres runs as. Where the user has none it is in the data folder, and in no place
// that others write to: what lies there is run.
func cacheDir(dataDir string) string {
	if os.Geteuid() == 0 {
		return "/var/cache/sical"
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(dataDir, "cache")
	}
	return filepath.Join(dir, "sical")
}

// installLine is the command that installs a server on this system.
func installLine() string {
	if runtime.GOOS == "darwin" {
		return "brew install postgresql@18"
	}
	release, _ := os.ReadFile("/etc/os-release")
	for _, system := range []struct{ id, line string }{
		{"alpine", "apk add postgresql"},
		{"arch", "pacman -S postgresql"},
		{"suse", "zypper install postgresql-server"},
		{"rhel", "dnf install postgresql-server"},
		{"fedora", "dnf install postgresql-server"},
	} {
		if regexp.MustCompile(`(?m)^ID(_LIKE)?=.*` + system.id).Match(release) {
			return system.line
		}
	}
	return "apt-get install postgresql"
}
