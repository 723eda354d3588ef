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

// readers is how long those of run.json may hold up a start. Each holds a shared lock
// for an instant, to see whether anybody is here: which is as long as a busy machine
// makes it.
const readers = 5 * time.Second

// lockFolder takes the lock or says at once who has it. It has patience with readers.
func lockFolder(dir string, patience time.Duration) (*folderLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	lock := func(how int) error { return syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB) }
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if err = lock(syscall.LOCK_EX); err != syscall.EWOULDBLOCK || time.Now().After(end) {
			break
		}
		if err = lock(syscall.LOCK_SH); err != nil { // not beside readers either: it is another's
			break
		}
		if err = lock(syscall.LOCK_UN); err != nil {
			break
		}
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

// release ends the lock. Closing alone would leave it, for a moment, to a child that is
// just being started and has every file of ours until it is its own program. The file
// stays: removing it would let two processes lock two files of one name.
func (l *folderLock) release() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

// locked tells whether a process holds the folder's lock.
func locked(dir string) bool {
	file, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return false
	}
	defer file.Close()
	return syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == syscall.EWOULDBLOCK
}
