package projections

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden holds the outcome of every view over a fixed log. A difference
// means that rows of this version were folded otherwise before: raise the
// view's version, then run with -update, which writes nothing else that is
// different over the same log.
func TestGolden(t *testing.T) {
	t.Parallel()
	log, names := fixture(t)
	text, err := os.ReadFile("testdata/log.txt")
	require.NoError(t, err)
	over := fmt.Sprintf("over the log %x\n", sha256.Sum256(text))
	for _, v := range Views() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			got := over + outcome(t, v, log, names)
			file := filepath.Join("testdata", v.Name+".golden")
			if *update {
				was, err := os.ReadFile(file)
				if err == nil && string(was) != got {
					require.NotEqual(t, heading(string(was)), heading(got), "the same version over the same log comes to something else")
				}
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// TestGoldenTellsOfAChange: a fold that treats any one of a view's events differently,
// here as if it had not happened, does not pass for the same version.
func TestGoldenTellsOfAChange(t *testing.T) {
	t.Parallel()
	log, names := fixture(t)
	for _, v := range Views() {
		file, err := os.ReadFile(filepath.Join("testdata", v.Name+".golden"))
		require.NoError(t, err)
		_, want, _ := strings.Cut(string(file), "\n") // below the log's name
		for _, name := range v.Events {
			without := slices.DeleteFunc(slices.Clone(log), func(e events.Event) bool { return e.Type == name })
			require.NotEqual(t, sha256.Sum256([]byte(want)), sha256.Sum256([]byte(outcome(t, v, without, names))), "%s without %s", v.Name, name)
		}
	}
}

// heading names the log and the view's version.
func heading(golden string) string {
	lines := strings.SplitN(golden, "\n", 3)
	return strings.Join(lines[:min(2, len(lines))], "\n")
}

// outcome is what folding the log comes to, and on which way: a later event may hide
// what an earlier one did.
func outcome(t *testing.T, v *View, log []events.Event, names *strings.Replacer) string {
	tb, way := newTable(v), sha256.New()
	for _, e := range log {
		tb.apply(e)
		for _, key := range v.Touches(e) {
			if row := tb.rows[key]; row != nil {
				doc, err := v.Encode(row)
				require.NoError(t, err)
				fmt.Fprintf(way, "%s %s\n", key, doc)
				for _, group := range v.Groups(row) {
					require.True(t, strings.HasPrefix(group, v.Name), "a cache tells by its beginning whose %s is", group)
				}
			} else {
				fmt.Fprintf(way, "%s is gone\n", key)
			}
		}
	}
	return names.Replace(describe(t, tb)) + fmt.Sprintf("every step %x\n", way.Sum(nil))
}

func describe(t *testing.T, tb *table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s version %d folds\n", tb.view.Name, tb.view.Version)
	for _, name := range tb.view.Events {
		fmt.Fprintf(&b, "\t%s\n", name)
	}
	docs := tb.docs(t)
	fmt.Fprintln(&b, "rows")
	for _, key := range slices.Sorted(maps.Keys(docs)) {
		fmt.Fprintf(&b, "\t%s %s\n", key, docs[key])
	}
	fmt.Fprintln(&b, "totals")
	for _, name := range slices.Sorted(maps.Keys(tb.totals)) {
		if n := tb.totals[name]; n != 0 {
			fmt.Fprintf(&b, "\t%s %d\n", strings.ReplaceAll(name, "\x1f", "|"), n)
		}
	}
	groups := map[string]int{}
	for _, row := range tb.rows {
		for _, g := range tb.view.Groups(row) {
			groups[g]++
		}
	}
	fmt.Fprintln(&b, "groups")
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		fmt.Fprintf(&b, "\t%s %d\n", g, groups[g])
	}
	return b.String()
}
