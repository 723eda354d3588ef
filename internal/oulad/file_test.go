package oulad

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/command"
)

func everything(string, string) bool { return true }

func TestAFolderThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil  func(dir string) error
		reason string
	}{
		"a file is missing": {func(dir string) error {
			return os.Remove(filepath.Join(dir, "vle.csv"))
		}, "no vle.csv or vle.csv.gz"},
		"a part beside another": {func(dir string) error {
			_ = os.Remove(filepath.Join(dir, "vle.csv"))
			for _, part := range []string{"vle_1.csv", "vle_2.csv"} {
				if err := os.WriteFile(filepath.Join(dir, part), nil, 0o600); err != nil {
					return err
				}
			}
			return nil
		}, "several files for one table: vle_1.csv, vle_2.csv"},
		"a column is missing": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "vle.csv"), []byte("id_site,code_module\n"), 0o600)
		}, "vle.csv: no column code_presentation"},
		"an empty file": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "vle.csv"), nil, 0o600)
		}, "vle.csv: no header"},
		"not packed as its name says": {func(dir string) error {
			return os.Rename(filepath.Join(dir, "vle.csv"), filepath.Join(dir, "vle.csv.gz"))
		}, "vle.csv.gz: gzip: invalid header"},
		"cut off": {func(dir string) error {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			_, err := io.WriteString(w, "code_module\n"+strings.Repeat("KNT\n", 100))
			if err != nil || w.Close() != nil || os.Remove(filepath.Join(dir, "studentVle.csv")) != nil {
				return errors.New("not packed")
			}
			return os.WriteFile(filepath.Join(dir, "studentVle.csv.gz"), packed.Bytes()[:packed.Len()-4], 0o600)
		}, "studentVle.csv.gz: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, everything)
			require.NoError(t, c.spoil(dir))
			_, err := Stages(dir, &Report{})
			require.ErrorContains(t, err, c.reason)
		})
	}
}

func TestALineTooLongIsSteppedOver(t *testing.T) {
	t.Parallel()
	dir := folder(t, everything)
	file := filepath.Join(dir, "studentVle.csv")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	header, rest, _ := strings.Cut(string(text), "\n")
	long := strings.Repeat("x", 3*maxLine)
	require.NoError(t, os.WriteFile(file, []byte(header+"\n"+long+"\n"+rest+long), 0o600))

	var report Report
	require.Equal(t, 6, strings.Count(told(t, dir, &report), "study.record"))
	require.Contains(t, noted(&report), "studentVle.csv: 8 read, 0 repaired, 2 refused\n"+
		"  2 refused: the line is too long\n  9 refused: the line is too long\n")
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		``:                      {""},
		`a`:                     {"a"},
		`a,,b,`:                 {"a", "", "b", ""},
		`"a,b","c""d",""`:       {"a,b", `c"d`, ""},
		`"""",x`:                {`"`, "x"},
		`"a`:                    nil,
		`"a"b`:                  nil,
		`a"b`:                   nil,
		`"a""`:                  nil,
		`"学习, 计划",中文,"a ""b"""`: {"学习, 计划", "中文", `a "b"`},
	} {
		got, err := split(nil, line)
		require.Equal(t, want, got, line)
		require.Equal(t, want == nil, err != nil, line)
	}
}

func TestTheReportIsBoundedAndCountsALineOnce(t *testing.T) {
	t.Parallel()
	var report Report
	for n := range 3 * maxNotes {
		report.read("a.csv")
		report.Refuse(Place{"a.csv", n / 2}, "refused by a rule")
	}
	f := report.Files()[0]
	require.Len(t, f.Notes, maxNotes)
	require.Equal(t, 3*maxNotes/2, f.Refused)
	require.Equal(t, 3*maxNotes/2, f.Accepted())
}

// Every line's name is one that the deciders know, for that very command.
func TestNamesAreThoseOfTheDeciders(t *testing.T) {
	t.Parallel()
	stages, err := Stages(filepath.Join("testdata", "small"), &Report{})
	require.NoError(t, err)
	for _, s := range stages {
		for l, err := range s.Lines {
			require.NoError(t, err)
			rule, known := command.RuleNamed(l.Type)
			require.True(t, known, l.Type)
			require.IsType(t, rule.New(), l.Command)
		}
	}
}
