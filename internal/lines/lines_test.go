package lines

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// all reads a text to its end; what is too long is "long".
func all(t *testing.T, text string) (found []string) {
	t.Helper()
	r := bufio.NewReaderSize(strings.NewReader(text), 16)
	for {
		line, err := Next(r)
		switch {
		case errors.Is(err, io.EOF):
			return found
		case errors.Is(err, ErrLong):
			line = []byte("long")
		default:
			require.NoError(t, err)
		}
		found = append(found, string(line))
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	x := strings.Repeat("x", 50)
	for text, want := range map[string][]string{
		"":                             nil,
		"\n":                           {""},
		"a\r\n\nb":                     {"a", "", "b"},
		x:                              {"long"},
		"a\n" + x + "\nb\n" + x + "\n": {"a", "long", "b", "long"},
		x[:15] + "\n" + x[:16] + "\nb": {x[:15], "long", "b"},
		x[:16] + "\n":                  {"long"},
		"a\n" + x + "\n\n" + x:         {"a", "long", "", "long"},
	} {
		require.Equal(t, want, all(t, text), "%q", text)
	}
}

func TestAFileThatCannotBeReadOn(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "a", strings.Repeat("x", 50)} {
		r := bufio.NewReaderSize(io.MultiReader(strings.NewReader(before), broken{}), 16)
		_, err := Next(r)
		require.ErrorIs(t, err, errBroken, before)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func FuzzNext(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "a\r\n\n", strings.Repeat("x", 40) + "\ny", strings.Repeat("x", 16)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := strings.Split(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		found := all(t, text)
		require.Len(t, found, len(want))
		for i, line := range found {
			if line != "long" {
				require.Equal(t, strings.TrimRight(want[i], "\r"), line)
			} else {
				require.True(t, want[i] == line || len(want[i]) >= 15, "%q", want[i])
			}
		}
	})
}
