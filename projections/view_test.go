package projections

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/projections/fixedlog"
)

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
