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
	"sical-backend/projections/fixedlog"
)

var update = flag.Bool("update", false, "write the golden files anew")

// table is a view in memory, kept as the runtime keeps it: totals change by the
// difference that a row makes.
type table struct {
	view   *View
	rows   map[Key]Row
	totals map[string]int64
}

func newTable(v *View) *table {
	return &table{view: v, rows: map[Key]Row{}, totals: map[string]int64{}}
}

func (tb *table) apply(e events.Event) {
	for _, key := range tb.view.Touches(e) {
		tb.add(tb.rows[key], -1)
		tb.rows[key] = tb.view.Fold(key, tb.rows[key], e)
		if tb.rows[key] == nil {
			delete(tb.rows, key)
		}
		tb.add(tb.rows[key], 1)
	}
}

func (tb *table) add(r Row, sign int64) {
	for _, t := range tb.view.Totals(r) {
		tb.totals[t.Name] += sign * t.Value
	}
}

// docs are the stored rows by their keys.
func (tb *table) docs(t require.TestingT) map[string]string {
	docs := map[string]string{}
	for key, row := range tb.rows {
		doc, err := tb.view.Encode(row)
		require.NoError(t, err)
		docs[key.String()] = string(doc)
	}
	return docs
}

// fixture reads testdata/log.txt; names maps ids back to their @names.
func fixture(t testing.TB) (log []events.Event, names *strings.Replacer) {
	text, err := os.ReadFile("testdata/log.txt")
	require.NoError(t, err)
	log, ids, err := fixedlog.Parse(string(text))
	require.NoError(t, err)
	slices.Reverse(ids) // to names from ids
	return log, strings.NewReplacer(ids...)
}

// TestGolden holds the outcome of every view over a fixed log. A difference
// means that rows of this version were folded otherwise before: raise the
// view's version, then run with -update.
func TestGolden(t *testing.T) {
	t.Parallel()
	log, names := fixture(t)
	for _, v := range Views() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			got := outcome(t, v, log, names)
			file := filepath.Join("testdata", v.Name+".golden")
			if *update {
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
		want, err := os.ReadFile(filepath.Join("testdata", v.Name+".golden"))
		require.NoError(t, err)
		for _, name := range v.Events {
			without := slices.DeleteFunc(slices.Clone(log), func(e events.Event) bool { return e.Type == name })
			require.NotEqual(t, sha256.Sum256(want), sha256.Sum256([]byte(outcome(t, v, without, names))), "%s without %s", v.Name, name)
		}
	}
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

// TestEveryEventIsFolded finds event types that no view knows of, and log lines
// missing from the fixture.
func TestEveryEventIsFolded(t *testing.T) {
	t.Parallel()
	log, _ := fixture(t)
	shown, folded := map[string]bool{}, map[string]bool{}
	for _, e := range log {
		shown[e.Type] = true
	}
	for _, v := range Views() {
		for _, name := range v.Events {
			folded[name] = true
		}
	}
	for _, typ := range events.Types() {
		require.True(t, folded[typ.Name], "no view folds %s", typ.Name)
		require.True(t, shown[typ.Name], "the fixture has no %s", typ.Name)
	}
}

func TestDDLNamesTheBuild(t *testing.T) {
	t.Parallel()
	for _, v := range Views() {
		b := v.Build(3)
		require.Equal(t, fmt.Sprintf("sical_read.%s_v%d_b3", v.Name, v.Version), b.Table())
		require.Contains(t, v.DDL(b), "create table if not exists "+b.Table()+" (")
		require.Equal(t, len(v.Indexes), strings.Count(v.IndexDDL(b), "on "+b.Table()+" "))
	}
}
