package heap

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// forgetProgram takes the pages of the program's file out of the process: those of what is
// needed come back when it runs, mostly from the system's cache of the file, and what only
// the start needed stays away.
func forgetProgram() {
	if program, err := os.Readlink("/proc/self/exe"); err == nil {
		forget(program)
	}
}

// forget takes pages of a file out of the process. Where the system refuses, they just stay.
func forget(file string) {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, r := range asInFile(smaps, file) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, r.from, r.to-r.from, unix.MADV_DONTNEED)
	}
}

// addresses are those from one up to another.
type addresses struct{ from, to uintptr }

// asInFile are the addresses where the process has just what the file has, by proc(5)'s smaps.
// What cannot be written to may have been before: a linker at run time puts addresses into a
// program and protects them afterwards, and a debugger its traps. Such pages are anonymous or
// swapped out, and nowhere else.
func asInFile(smaps []byte, file string) (list []addresses) {
	var r addresses
	var readOnly, written bool
	for line := range bytes.Lines(smaps) {
		fields := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte(" "), 6)
		switch {
		case !bytes.HasSuffix(fields[0], []byte(":")): // a range begins
			r, readOnly = mappedTo(fields, file)
			written = true // unless it says otherwise
		case string(fields[0]) == "Anonymous:":
			written = !none(line)
		case string(fields[0]) == "Swap:" && readOnly && !written && none(line):
			list = append(list, r)
		}
	}
	return list
}

// none tells whether a line of smaps says that there are no pages of a kind.
func none(line []byte) bool {
	fields := bytes.Fields(line)
	return len(fields) == 3 && string(fields[1]) == "0"
}

// mappedTo is the range that the fields of a line begin, if it is of the file and cannot be
// written to.
func mappedTo(fields [][]byte, file string) (r addresses, readOnly bool) {
	if len(fields) < 6 || string(bytes.TrimLeft(fields[5], " ")) != file || bytes.ContainsRune(fields[1], 'w') {
		return r, false
	}
	from, to, _ := bytes.Cut(fields[0], []byte("-"))
	first, errFirst := strconv.ParseUint(string(from), 16, strconv.IntSize)
	last, errLast := strconv.ParseUint(string(to), 16, strconv.IntSize)
	return addresses{uintptr(first), uintptr(last)}, errFirst == nil && errLast == nil && first < last
}
