package embedded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// socketLimit is what the smallest sun_path (macOS: 104 bytes with the closing
// zero) leaves for a folder, less "/.s.PGSQL.5432".
const socketLimit = 103 - 14

// socketFolder makes the folder of the socket, the wall around a Postgres that
// trusts whoever reaches it: nobody but the account may enter. Its name follows from
// the data folder, so that the URL stays the same, and from the account,
// so that a change of user meets no folder of another's.
func socketFolder(dataDir string, as *account) (string, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d", dataDir, as.id()))
	name := fmt.Sprintf("sical-%x", sum[:8])
	dir := filepath.Join(os.TempDir(), name)
	if len(dir) > socketLimit || as.canEnter(os.TempDir()) != nil { // root may have one of its own
		dir = filepath.Join("/tmp", name)
	}
	err := removeOld(dir, as)
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil {
		err = as.own(dir)
	}
	if err != nil {
		return "", fmt.Errorf("socket folder: %w", err)
	}
	return dir, as.canEnter(dir)
}

// removeOld removes what a killed run left: the lock beside its socket holds a number
// that another process may have by now. It refuses to touch what somebody else put
// there: the folder above is open to all users of the machine.
func removeOld(dir string, as *account) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if !info.IsDir() || owner != as.id() || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s is not a folder of uid %d with mode 0700 (owner %d, %v): remove it", dir, as.id(), owner, info.Mode())
	}
	return os.RemoveAll(dir)
}
