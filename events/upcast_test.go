package events

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Three schemas of an event that only this test knows: a text that became a list,
// and minutes that became seconds.
type (
	lent1 struct {
		Reader  Personal `json:"reader"`
		Book    string   `json:"book"`
		Minutes int      `json:"minutes"`
	}
	lent2 struct {
		Reader  Personal `json:"reader"`
		Books   []string `json:"books"`
		Minutes int      `json:"minutes"`
	}
	lent struct {
		Borrower Personal `json:"borrower"`
		Books    []string `json:"books"`
		Seconds  int64    `json:"seconds"`
	}
)

func (*lent) fact() {}

func enterLent(c *catalogue) {
	c.enter(&Type{Name: "book.lent", Schema: 3, goType: reflect.TypeFor[lent]()})
}

func lent2To3(old *lent2) *lent { return &lent{old.Reader, old.Books, int64(old.Minutes) * 60} }

func lent1To2(old *lent1) *lent2 { return &lent2{old.Reader, []string{old.Book}, old.Minutes} }

func TestOldSchemasAreReadAsTodays(t *testing.T) {
	t.Parallel()
	c := newCatalogue()
	upcast(c, "book.lent", 1, lent1To2)
	upcast(c, "book.lent", 2, lent2To3)
	enterLent(c)
	c.check()
	want := &lent{"sealed:ana", []string{"图论 Graphs"}, 120}
	for schema, raw := range map[int]string{
		1: `{"reader":"sealed:ana","book":"图论 Graphs","minutes":2}`,
		2: `{"reader":"sealed:ana","books":["图论 Graphs"],"minutes":2}`,
		3: `{"borrower":"sealed:ana","books":["图论 Graphs"],"seconds":120}`,
	} {
		got, err := c.decode("book.lent", schema, []byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Data(want), got); diff != "" {
			t.Errorf("schema %d (-want +got)\n%s", schema, diff)
		}
	}
	if _, err := c.decode("book.lent", 4, nil); !errors.Is(err, UnknownType{"book.lent", 4}) {
		t.Error("of a newer binary:", err)
	}
	var old []int
	for _, kind := range c.types() {
		if kind.Old() {
			old = append(old, kind.Schema)
		}
	}
	if !reflect.DeepEqual(old, []int{1, 2}) {
		t.Error("old schemas:", old)
	}
}

// An upcast that is wrong about what was stored fails for that event alone.
func TestUpcastThatPanicsIsAnError(t *testing.T) {
	t.Parallel()
	c := newCatalogue()
	upcast(c, "book.lent", 2, func(old *lent2) *lent { return &lent{Books: old.Books[:1]} })
	enterLent(c)
	for raw, good := range map[string]bool{`{"books":["图论"]}`: true, `{"books":[]}`: false} {
		d, err := c.decode("book.lent", 2, []byte(raw))
		if good != (err == nil) || good != (d != nil) {
			t.Error(raw, d, err)
		}
	}
}

func TestOldSchemasLeadToTodays(t *testing.T) {
	t.Parallel()
	known.check()
	for name, enter := range map[string]func(*catalogue){
		"nowhere": func(c *catalogue) { upcast(c, "book.lent", 1, lent1To2) },
		"past one": func(c *catalogue) {
			upcast(c, "book.lent", 1, lent1To2)
			enterLent(c)
		},
		"to another type": func(c *catalogue) {
			upcast(c, "book.lent", 2, func(*lent2) *lent1 { return &lent1{} })
			enterLent(c)
		},
		"beside another current one": func(c *catalogue) {
			c.enter(&Type{Name: "book.lent", Schema: 2, goType: reflect.TypeFor[lent2]()})
			enterLent(c)
		},
	} {
		c := newCatalogue()
		enter(c)
		if !panics(c.check) {
			t.Error("found right:", name)
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
