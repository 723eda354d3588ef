package heap

import (
	"testing"

	"github.com/stretchr/testify/require"
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

// Only a range of the file itself that nobody can write to is forgotten.
func TestWhatIsForgotten(t *testing.T) {
	t.Parallel()
	for line, forgotten := range map[string]bool{
		"00400000-015e6000 r-xp 00000000 fe:00 10381960                           /opt/学习 app/sical\n":    true,
		"015e6000-0299a000 r--p 011e6000 fe:00 10381960                           /opt/学习 app/sical":      true,
		"0299a000-02b83000 rw-p 0259a000 fe:00 10381960                           /opt/学习 app/sical\n":    false,
		"00400000-015e6000 r-xp 00000000 fe:00 10381960                           /opt/学习 app/sical.so\n": false,
		"00400000-015e6000 r-xp 00000000 fe:00 10381960                           /opt/sical\n":           false,
		"00400000-00400000 r-xp 00000000 fe:00 10381960                           /opt/学习 app/sical\n":    false,
		"00400000-01 r-xp 00000000 fe:00 10381960                                 /opt/学习 app/sical\n":    false,
		"x-y r-xp 00000000 fe:00 10381960                                         /opt/学习 app/sical\n":    false,
		"7ffd1000-7ffd2000 r-xp 00000000 00:00 0                                  [vdso]\n":               false,
		"c000000000-c000400000 rw-p 00000000 00:00 0 \n":                                                  false,
		"": false,
	} {
		from, to, ok := unwritten([]byte(line), "/opt/学习 app/sical")
		require.Equal(t, forgotten, ok, line)
		require.Equal(t, forgotten, to > from && ok)
	}
	from, to, _ := unwritten([]byte("00400000-015e6000 r-xp 00000000 fe:00 1 /sical\n"), "/sical")
	require.Equal(t, []uintptr{0x400000, 0x15e6000}, []uintptr{from, to})
}
