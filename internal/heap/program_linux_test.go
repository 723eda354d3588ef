package heap

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What the program has been mapped with is given back, but for what it needs, and nothing
// that was written is lost.
func TestTheProgramIsForgotten(t *testing.T) {
	before := mapped()
	written++
	was := written
	forgetProgram()
	require.Less(t, mapped(), before)
	require.Equal(t, was, written)
}

// written lies in the range of the file that is written to, as it has a value from the start.
var written = 1

// Only a range of the file itself is forgotten that nobody can write to, nor has.
func TestWhatIsForgotten(t *testing.T) {
	t.Parallel()
	const file = "/opt/学习 app/sical"
	for line, forgotten := range map[string]bool{
		"00400000-015e6000 r-xp 00000000 fe:00 10381960                           " + file:       true,
		"015e6000-0299a000 r--p 011e6000 fe:00 10381960                           " + file:       true,
		"0299a000-02b83000 rw-p 0259a000 fe:00 10381960                           " + file:       false,
		"00400000-015e6000 r-xp 00000000 fe:00 10381960                           " + file + "d": false,
		"00400000-015e6000 r-xp 00000000 fe:00 10381960                           /opt/sical":    false,
		"00400000-00400000 r-xp 00000000 fe:00 10381960                           " + file:       false,
		"00400000-01 r-xp 00000000 fe:00 10381960                                 " + file:       false,
		"x-y r-xp 00000000 fe:00 10381960                                         " + file:       false,
		"7ffd1000-7ffd2000 r-xp 00000000 00:00 0                                  [vdso]":        false,
		"c000000000-c000400000 rw-p 00000000 00:00 0 ":                                           false,
	} {
		for pages, clean := range map[string]bool{
			"Anonymous:      0 kB\nAnonHugePages:  4 kB\nSwap:           0 kB\n": true,
			"Anonymous:      4 kB\nAnonHugePages:  0 kB\nSwap:           0 kB\n": false,
			"Anonymous:     10 kB\nAnonHugePages:  0 kB\nSwap:           0 kB\n": false,
			"Anonymous:      0 kB\nAnonHugePages:  0 kB\nSwap:          10 kB\n": false,
			"Anonymous:      0 kB\n": false, "Swap:           0 kB\n": false, "AnonHugePages:  0 kB\n": false, "Anonymous:\nSwap:\n": false, "": false,
		} {
			smaps := line + "\nSize:               1956 kB\nPrivate_Dirty:         8 kB\n" + pages + "VmFlags: rd mr mw me sd\n"
			require.Equal(t, forgotten && clean, len(asInFile([]byte(smaps), file)) == 1, smaps)
		}
	}
	both := "00400000-015e6000 r-xp 00000000 fe:00 1 /sical\nAnonymous: 0 kB\nSwap: 0 kB\n015e6000-0299a000 r--p 011e6000 fe:00 1 /sical\nAnonymous: 4 kB\nSwap: 0 kB\n"
	require.Equal(t, []addresses{{0x400000, 0x15e6000}}, asInFile([]byte(both), "/sical"))
	require.Empty(t, asInFile(nil, "/sical"))
}

// What was written to before it was protected, as a linker at run time does, stays.
func TestWhatWasWrittenIsNotForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "程序 file")
	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("file"), 4<<10), 0o600))
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	private := func(protection int) []byte {
		pages, err := unix.Mmap(int(f.Fd()), 0, 16<<10, protection, unix.MAP_PRIVATE)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, unix.Munmap(pages)) })
		return pages
	}
	read, changed := private(unix.PROT_READ), private(unix.PROT_READ|unix.PROT_WRITE)
	copy(changed[5000:], "kept")
	require.NoError(t, unix.Mprotect(changed, unix.PROT_READ))
	require.Equal(t, "file", string(read[:4]))
	forget(file)
	require.Equal(t, "kept", string(changed[5000:5004]))
	require.Equal(t, "file", string(read[:4]))
}
