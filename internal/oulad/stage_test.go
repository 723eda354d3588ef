package oulad

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// told renders every command of a folder, a line each.
func told(t *testing.T, dir string, report *Report) string {
	t.Helper()
	stages, err := Stages(dir, report)
	require.NoError(t, err)
	var text strings.Builder
	for _, s := range stages {
		fmt.Fprintf(&text, "== %s, at most %d\n", s.Name, s.Most)
		for l, err := range s.Lines {
			require.NoError(t, err)
			data, err := json.Marshal(l.Command)
			require.NoError(t, err)
			fmt.Fprintf(&text, "%s:%d %s %s\n  id %s as %s\n  %s\n", l.File, l.Number, l.Type, l.At.Format(time.DateOnly), l.ID, l.As, data)
		}
	}
	return text.String()
}

// noted renders a report: the counts of each file and its notes.
func noted(report *Report) string {
	var text strings.Builder
	for _, f := range report.Files() {
		fmt.Fprintf(&text, "%s: %d read, %d repaired, %d refused\n", f.File, f.Read, f.Repaired, f.Refused)
		for _, n := range f.Notes {
			verdict := map[bool]string{true: "refused", false: "repaired"}[n.Refused]
			fmt.Fprintf(&text, "  %d %s: %s\n", n.Number, verdict, n.Reason)
		}
	}
	return text.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// The golden file pins the ids too: other ids would import everything again.
func TestSmallDataIsToldInOrder(t *testing.T) {
	t.Parallel()
	var report Report
	golden(t, "small.golden", told(t, filepath.Join("testdata", "small"), &report)+noted(&report))
}

func TestBadLinesAreNamedAndLeftOut(t *testing.T) {
	t.Parallel()
	var report Report
	golden(t, "bad.golden", told(t, filepath.Join("testdata", "bad"), &report)+noted(&report))
}

func TestPackedFilesTellTheSame(t *testing.T) {
	t.Parallel()
	plain, packed := filepath.Join("testdata", "small"), t.TempDir()
	files, err := os.ReadDir(plain)
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(plain, f.Name()))
		require.NoError(t, err)
		// As some programs on Windows write it.
		text = []byte("\ufeff" + strings.ReplaceAll(string(text), "\n", "\r\n"))
		out, err := os.Create(filepath.Join(packed, f.Name()+".gz"))
		require.NoError(t, err)
		w := gzip.NewWriter(out)
		_, err = w.Write(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, out.Close())
	}
	require.Equal(t,
		told(t, plain, &Report{}),
		strings.ReplaceAll(told(t, packed, &Report{}), ".csv.gz:", ".csv:"))
}

func TestAPartOfTheDataGivesTheSameIDs(t *testing.T) {
	t.Parallel()
	ids := func(students string) (found []string) {
		theirs := regexp.MustCompile(`id_student|\b(` + students + `)\b`)
		dir := folder(t, func(file, line string) bool {
			return !strings.HasPrefix(file, "student") || theirs.MatchString(line)
		})
		stages, err := Stages(dir, &Report{})
		require.NoError(t, err)
		for _, s := range stages {
			for l, err := range s.Lines {
				require.NoError(t, err)
				found = append(found, l.ID.String(), l.Command.Subject().String())
			}
		}
		return found
	}
	whole, part := ids("5|6|7|8"), ids("5|7")
	require.Less(t, len(part), len(whole))
	require.Subset(t, whole, part)
}

// folder is a copy of the small data with the lines that keep says.
func folder(t *testing.T, keep func(file, line string) bool) string {
	t.Helper()
	dir := t.TempDir()
	files, err := os.ReadDir(filepath.Join("testdata", "small"))
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join("testdata", "small", f.Name()))
		require.NoError(t, err)
		var kept strings.Builder
		for line := range strings.Lines(string(text)) {
			if keep(f.Name(), line) {
				kept.WriteString(line)
			}
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.Name()), []byte(kept.String()), 0o644))
	}
	return dir
}
