package embedded

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user Postgres runs as. A nil account is the user we are: only
// root must become somebody else, since Postgres refuses to run as root.
type account struct {
	name     string
	uid, gid uint32
}

// accountFor chooses who runs the Postgres of a data folder: its owner; else who
// called sudo; else postgres; else nobody. All must have a passwd entry, for initdb
// looks up its own name.
func accountFor(cluster string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if info, err := os.Stat(cluster); err == nil {
		if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
			found, err := user.LookupId(strconv.Itoa(int(owner)))
			if err != nil {
				return nil, fmt.Errorf("owner of %s: %w", cluster, err)
			}
			return newAccount(found)
		}
	}
	if id := os.Getenv("SUDO_UID"); id != "" && id != "0" {
		if found, err := user.LookupId(id); err == nil {
			return newAccount(found)
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		if found, err := user.Lookup(name); err == nil {
			return newAccount(found)
		}
	}
	return nil, fmt.Errorf("as root Postgres needs another user to run as, and there is neither postgres nor nobody")
}

func newAccount(u *user.User) (*account, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &account{u.Username, uint32(uid), uint32(gid)}, err
}

func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: []uint32{}}
}

// id is the uid Postgres runs with.
func (a *account) id() int {
	if a == nil {
		return os.Geteuid()
	}
	return int(a.uid)
}

// own gives a folder and all in it to the account.
func (a *account) own(dir string) error {
	if a == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, int(a.uid), int(a.gid))
	})
}

// canEnter returns an error that names the folder, target or one above it, which
// keeps the account out.
func (a *account) canEnter(target string) error {
	if a == nil {
		return nil
	}
	target, err := filepath.EvalSymlinks(target)
	if err != nil {
		return err
	}
	for dir := target; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !a.mayPass(info) {
			return fmt.Errorf("postgres runs as user %s here, who cannot enter %s (%v), needed for %s: "+
				"choose a folder elsewhere, such as one below /var/lib, or allow it with chmod o+x %s",
				a.name, dir, info.Mode(), target, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (a *account) mayPass(info fs.FileInfo) bool {
	owner := info.Sys().(*syscall.Stat_t)
	switch {
	case owner.Uid == a.uid:
		return info.Mode()&0o100 != 0
	case owner.Gid == a.gid:
		return info.Mode()&0o010 != 0
	}
	return info.Mode()&0o001 != 0
}
