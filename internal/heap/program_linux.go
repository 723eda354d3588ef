package heap

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// forgetProgram takes the pages of the program's file out of the process: those of what is
// needed come back when it runs, mostly from the system's cache of the file, and what only
// the start needed stays away. Where the system refuses, they just stay.
func forgetProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		if from, to, ok := unwritten(line, program); ok {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}

// unwritten is the range of a line of proc(5)'s maps, if it is of the file and cannot be
// written to: what has been written to a private range is nowhere else.
func unwritten(line []byte, file string) (from, to uintptr, ok bool) {
	fields := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte(" "), 6)
	if len(fields) < 6 || string(bytes.TrimLeft(fields[5], " ")) != file || bytes.ContainsRune(fields[1], 'w') {
		return 0, 0, false
	}
	first, last, _ := bytes.Cut(fields[0], []byte("-"))
	a, errA := strconv.ParseUint(string(first), 16, strconv.IntSize)
	b, errB := strconv.ParseUint(string(last), 16, strconv.IntSize)
	return uintptr(a), uintptr(b), errA == nil && errB == nil && a < b
}
