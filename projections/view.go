package projections

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"sical-backend/events"
)

// Total is what one row adds to a named sum.
type Total struct {
	Name  string
	Value int64
}

// Row is one row of a view: a pointer to the row type of its model.
type Row any

// Column is a field of the row that questions filter or sort by. The row itself
// is stored whole beside it, as JSON.
type Column struct {
	Name, Type string               // of SQL
	collect    func(rows []Row) any // the column's values as a typed slice
}

// View is a read model without its row's type, as the runtime handles it.
type View struct {
	Name    string // how all names of its rows and groups begin, and none of another view's
	Version int
	Reads   int      // lowest version whose tables the questions of this one can read
	Keys    []string // columns of the primary key, one or two of type uuid
	Columns []Column
	Indexes []string // "on {table} …", in SQL; {table} stands for the table
	Events  []string // stored names of the events it folds

	touches func(events.Event) []Key
	decode  func([]byte) (Row, error)
	encode  func(Row) ([]byte, error)
	fold    func(Key, Row, events.Event) (Row, bool)
	begin   func(Key) Row // nil where a key alone tells nothing
	totals  func(Row) []Total
	groups  func(Row) []string
}

// CanRead tells whether the questions of the view can read the tables of a version of it.
// Of several they read the highest.
func (v *View) CanRead(version int) bool { return v.Reads <= version && version <= v.Version }

// Touches lists the rows that e changes; nil for an event of no concern.
func (v *View) Touches(e events.Event) []Key { return v.touches(e) }

// Decode reads a stored row.
func (v *View) Decode(doc []byte) (Row, error) { return v.decode(doc) }

// Encode writes a row for storage. Equal rows give equal bytes.
func (v *View) Encode(r Row) ([]byte, error) { return v.encode(r) }

// Fold applies e to the row r of a key that it touches, nil for one that is not
// there yet, and returns the row that results, nil where it is to go. r may be
// changed in place.
func (v *View) Fold(k Key, r Row, e events.Event) Row {
	row, keep := v.fold(k, r, e)
	if !keep {
		return nil
	}
	return row
}

// Totals lists what r adds to the view's sums; nothing for nil.
func (v *View) Totals(r Row) []Total {
	if r == nil || v.totals == nil {
		return nil
	}
	return v.totals(r)
}

// Groups lists the collections that r stands in, by the names under which
// answers about them are cached, each of which begins with the view's; nothing for nil.
func (v *View) Groups(r Row) []string {
	if r == nil || v.groups == nil {
		return nil
	}
	return v.groups(r)
}

// GroupsOf lists the collections that the row of a key stands in whatever it holds.
func (v *View) GroupsOf(k Key) []string {
	if v.begin == nil {
		return nil
	}
	return v.Groups(v.begin(k))
}

// Collect gives the values of each column for the rows, one typed slice a column.
func (v *View) Collect(rows []Row) []any {
	values := make([]any, len(v.Columns))
	for i, c := range v.Columns {
		values[i] = c.collect(rows)
	}
	return values
}

// DDL creates the tables of a build of the view, without the secondary indexes.
func (v *View) DDL(build Build) string {
	var b strings.Builder
	fmt.Fprintf(&b, "create table if not exists %s (\n", build.Table())
	for _, k := range v.Keys {
		fmt.Fprintf(&b, "\t%s uuid not null,\n", k)
	}
	for _, c := range v.Columns {
		fmt.Fprintf(&b, "\t%s %s,\n", c.Name, c.Type)
	}
	fmt.Fprintf(&b, "\tdoc json not null,\n\tprimary key (%s)\n) with (fillfactor = 80);\n", strings.Join(v.Keys, ", "))
	fmt.Fprintf(&b, `create table if not exists %s (
	name text collate "C" not null,
	shard int not null,
	value bigint not null,
	primary key (name, shard)
) with (fillfactor = 70);
`, build.TotalTable())
	return b.String()
}

// IndexDDL creates the secondary indexes of a build of the view.
func (v *View) IndexDDL(build Build) string {
	var b strings.Builder
	for i, on := range v.Indexes {
		name := fmt.Sprintf("%s_v%d_b%d_%d", v.Name, v.Version, build.Number, i+1)
		fmt.Fprintf(&b, "create index if not exists %s %s;\n", name, strings.ReplaceAll(on, "{table}", build.Table()))
	}
	return b.String()
}

// ViewOf is a view with the type that its rows are read as: the one that they are folded
// as or, for whoever needs less of them, another.
type ViewOf[R any] struct {
	*View
	Column string                       // where what is decoded stands; "" for the row itself
	Decode func(doc []byte) (*R, error) // reads a stored row, and does not keep doc
}

// model is a read model with its row's type R.
type model[R any] struct {
	name    string
	version int
	// reads is the lowest version whose rows and columns this one's questions can
	// read until their own build is ready; 0 for none.
	reads   int
	keys    []string
	columns []Column
	indexes []string
	events  []string
	// touches lists the rows that an event, one of those above, changes.
	touches func(events.Event) []Key
	// begin names a row that is not there yet, for folds that cannot tell from the
	// event alone; nil elsewhere.
	begin func(*R, Key)
	// fold applies an event to a row, the zero R where there is none yet, and
	// tells whether the row stays.
	fold func(*R, events.Event) bool
	// totals and groups may be nil.
	totals func(*R) []Total
	groups func(*R) []string
}

func (m model[R]) view() ViewOf[R] {
	v := &View{
		Name: m.name, Version: m.version, Reads: m.version, Keys: m.keys, Columns: m.columns, Indexes: m.indexes, Events: m.events,
		touches: func(e events.Event) []Key {
			if e.Data == nil || !slices.Contains(m.events, e.Type) {
				return nil
			}
			return m.touches(e)
		},
		decode: func(doc []byte) (Row, error) { return Decode[R](doc) },
		encode: func(r Row) ([]byte, error) { return json.Marshal(r, json.Deterministic(true)) },
		fold: func(k Key, r Row, e events.Event) (Row, bool) {
			row, ok := r.(*R)
			if !ok {
				row = new(R)
				if m.begin != nil {
					m.begin(row, k)
				}
			}
			e.OccurredAt = e.OccurredAt.UTC() // equal rows, whatever the zone it was read in
			return row, m.fold(row, e)
		},
	}
	if m.reads != 0 {
		v.Reads = m.reads
	}
	if m.begin != nil {
		v.begin = func(k Key) Row {
			r := new(R)
			m.begin(r, k)
			return r
		}
	}
	if m.totals != nil {
		v.totals = func(r Row) []Total { return m.totals(r.(*R)) }
	}
	if m.groups != nil {
		v.groups = func(r Row) []string { return m.groups(r.(*R)) }
	}
	return ViewOf[R]{View: v, Decode: Decode[R]}
}

// column makes a Column of a field; T must be a type that pgx writes as sqlType.
func column[R, T any](name, sqlType string, value func(*R) T) Column {
	return Column{name, sqlType, func(rows []Row) any {
		values := make([]T, len(rows))
		for i, r := range rows {
			values[i] = value(r.(*R))
		}
		return values
	}}
}

func textColumn[R any](name string, value func(*R) string) Column {
	return column(name, `text collate "C"`, value)
}

func idColumn[R any](name string, value func(*R) events.ID) Column {
	return column(name, "uuid", value)
}

func timeColumn[R any](name string, value func(*R) time.Time) Column {
	return column(name, "timestamptz", value)
}

func intColumn[R any](name string, value func(*R) int64) Column {
	return column(name, "bigint", value)
}
