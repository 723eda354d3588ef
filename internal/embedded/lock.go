package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrInUse is returned by Start for a data folder another process works in.
var ErrInUse = errors.New("data folder is in use")

// folderLock is the right to write to a data folder. It ends with the process,
// however that ends.
type folderLock struct{ file *os.File }

// lockFolder takes the lock or says at once who has it. The few tries are for
// readers of run.json, who hold a shared lock for an instant to see whether anybody
// is here.
func lockFolder(dir string) (*folderLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.EWOULDBLOCK
	for try := 0; try < 5 && err == syscall.EWOULDBLOCK; try++ {
		if try > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		pid, _ := io.ReadAll(io.LimitReader(file, 20))
		file.Close()
		if err == syscall.EWOULDBLOCK {
			return nil, fmt.Errorf("%w: process %s already runs on %s", ErrInUse, strings.TrimSpace(string(pid)), dir)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := errors.Join(file.Truncate(0), writeAt(file, fmt.Sprintln(os.Getpid()))); err != nil {
		file.Close()
		return nil, err
	}
	return &folderLock{file}, nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// release ends the lock. The file stays: removing it would let two processes lock
// two files of one name.
func (l *folderLock) release() error { return l.file.Close() }

// locked tells whether a process holds the folder's lock.
func locked(dir string) bool {
	file, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return false
	}
	defer file.Close()
	return syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == syscall.EWOULDBLOCK
}
