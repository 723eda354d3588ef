package query

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/jsonwriter"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// Paging says which part of a list is asked for.
type Paging struct {
	Limit  int    // rows, at least 1
	Cursor string // from the page before, empty for the first
	Total  bool   // whether to count the whole list as well
}

// Page is a part of a list.
type Page[T any] struct {
	Items      []T    `json:"items" doc:"without what nobody can read any more since its owner was erased: in lists of many people's a page may be short of the limit, or empty, and not be the last"`
	NextCursor string `json:"next_cursor,omitempty" doc:"give it as cursor for the next page; absent on the last"`
	Total      *int64 `json:"total,omitempty" doc:"length of the whole list, where total=true asked for it; of many people's with what nobody can read any more since its owner was erased"`
}

// render writes a page by hand where that is done with its items.
func (p Page[T]) render() ([]byte, error) {
	switch any((*T)(nil)).(type) {
	case *jsontext.Value, written:
		return jsonwriter.Render(p.write)
	}
	return json.Marshal(p)
}

func (p Page[T]) write(w *jsonwriter.Writer) {
	w.Begin('{')
	w.Name("items").Begin('[')
	for i := range p.Items {
		switch item := any(&p.Items[i]).(type) {
		case *jsontext.Value:
			w.Raw(*item)
		case written:
			item.write(w)
		}
	}
	w.End(']')
	w.Optional("next_cursor", p.NextCursor)
	if p.Total != nil {
		w.Name("total").Int(int(*p.Total))
	}
	w.End('}')
}

// list is a question for rows of a view in the order of created_at and id.
type list struct {
	name   string // of the list with its filters, which its cursors are tied to
	viewer string // who the items are rendered for, empty where that is the same for all
	only   string // the condition of the partial index it reads, as written there
	where  []match
	search Search    // only rows with these words
	since  time.Time // only rows created then or later, zero for all
	oldest bool      // first, instead of the newest
	totals []string  // that add up to the list's length
	page   Paging
	after  *mark     // from the cursor
	owner  events.ID // whose rows they are, zero for many people's
}

// match is a column's condition: one value, or any of several. Within each value the index
// has the rows in order, so those of several are read one value at a time, and merged.
type match struct {
	column string
	values []string
}

func equals(column string, value string) match { return match{column, []string{value}} }

// oneOf restricts a column to value, or to all there are where that is empty.
func oneOf[T events.Enum[T]](column string, value T) match {
	m := match{column: column}
	for _, v := range value.Values() {
		if value == "" || v == value {
			m.values = append(m.values, string(v))
		}
	}
	return m
}

// question makes l a Question. It fails with ErrCursor.
func (l *list) question() (Question, error) {
	after, err := parseCursor(l.name, l.page.Cursor)
	l.after = after
	return Question{
		Key: key(l.name, l.viewer, strconv.FormatInt(l.since.Unix(), 10), strconv.Itoa(l.page.Limit), l.page.Cursor, strconv.FormatBool(l.page.Total)),
	}, err
}

// rowPage is a page of rows.
type rowPage[R any] struct {
	rows  []*R
	next  string
	total *int64
}

// enlist queues reading the page; Send fills what it returns.
func enlist[R any](s *reading.Snapshot, v projections.ViewOf[R], l *list) *rowPage[R] {
	page := &rowPage[R]{}
	s.Plan(l.search == nil) // words are found by a bitmap, anything else in the order of an index
	sql, args := l.sql(v.Name, s.Table(v.View))
	s.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		var doc []byte
		var at, last mark
		_, err := pgx.ForEachRow(rows, []any{&doc, &at.at, &at.id}, func() error {
			if len(page.rows) == l.page.Limit {
				page.next = last.cursor(l.name)
				return nil
			}
			row, err := v.Decode(doc)
			page.rows, last = append(page.rows, row), at
			return err
		})
		return err
	})
	if l.page.Total {
		page.total = s.Sum(v.View, l.totals...)
	}
	return page
}

// sql reads one row more than the page holds, to know whether there is another.
func (l *list) sql(view, table string) (string, []any) {
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	var apart, where []string
	if l.only != "" {
		where = append(where, l.only)
	}
	for i, m := range l.where {
		if len(m.values) == 1 {
			where = append(where, m.column+" = "+arg(m.values[0]))
			continue
		}
		apart = append(apart, fmt.Sprintf("unnest(%s::text[]) m%d (v)", arg(m.values), i))
		where = append(where, fmt.Sprintf("%s = m%d.v", m.column, i))
	}
	order, beyond := "created_at desc, id desc", "<"
	if l.oldest {
		order, beyond = "created_at, id", ">"
	}
	if l.search != nil {
		where = append(where, projections.WordsIndexed+" @> "+arg([]string(l.search)))
	}
	if l.after != nil {
		where = append(where, fmt.Sprintf("(created_at, id) %s (%s, %s)", beyond, arg(l.after.at), arg(l.after.id)))
	}
	if !l.since.IsZero() {
		where = append(where, "created_at >= "+arg(l.since))
	}
	condition := ""
	if len(where) > 0 {
		condition = " where " + strings.Join(where, " and ")
	}
	limit := arg(l.page.Limit + 1)
	rows := fmt.Sprintf("select doc, created_at, id from %s%s order by %s limit %s", table, condition, order, limit)
	name := "-- list " + view + "\n"
	if len(apart) == 0 {
		return name + rows, args
	}
	return name + fmt.Sprintf("select r.* from %s, lateral (%s) r order by %s limit %s",
		strings.Join(apart, ", "), rows, order, limit), args
}

// ask makes a Question of a list whose items are rendered from the rows of the
// view alone; group is what outdates it. It fails with ErrCursor.
func ask[R, T any](a *Answerer, v projections.ViewOf[R], l *list, group string, render func(context.Context, []*R) ([]T, error)) (Question, error) {
	q, err := l.question()
	views := []*projections.View{v.View}
	q.Views, q.Deps = projections.Names(views), on(group)
	q.load = func(ctx context.Context) (Answer, error) {
		var page *rowPage[R]
		checkpoints, err := a.reader.Read(ctx, views, func(s *reading.Snapshot) error {
			page = enlist(s, v, l)
			return s.Finish(ctx)
		})
		if err != nil {
			return Answer{}, err
		}
		items, err := render(ctx, page.rows)
		if err != nil {
			return Answer{}, err
		}
		return rendered(Answer{Checkpoints: checkpoints}, Page[T]{items, page.next, page.total})
	}
	return q, err
}

// each renders rows one by one, for items that need nothing else.
func each[R, T any](render func(*R) T) func(context.Context, []*R) ([]T, error) {
	return func(_ context.Context, rows []*R) ([]T, error) {
		items := make([]T, len(rows))
		for i, r := range rows {
			items[i] = render(r)
		}
		return items, nil
	}
}
