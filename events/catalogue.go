package events

import (
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// Data is the fact itself: a pointer to one of this package's event types.
type Data interface{ fact() }

// Type describes one stored form of one event.
type Type struct {
	Name     string
	Schema   int
	Final    bool // no event follows it in its stream
	goType   reflect.Type
	sealed   []field       // its Personal fields
	withheld []string      // see Withheld
	upcast   func(any) any // gives the next schema's value of an old one; nil for the current schema
}

type key struct {
	name   string
	schema int
}

// catalogue is every stored form there is.
type catalogue struct {
	byName map[key]*Type
	byType map[reflect.Type]*Type
}

// known is filled by the calls beside the types and not written to after the
// package's initialisation.
var known = newCatalogue()

func newCatalogue() *catalogue {
	return &catalogue{map[key]*Type{}, map[reflect.Type]*Type{}}
}

// define enters T as the current stored form of name.
func define[T any](name string, schema int) *Type {
	return known.enter(&Type{Name: name, Schema: schema, goType: reflect.TypeFor[T]()})
}

func (c *catalogue) enter(t *Type) *Type {
	t.sealed, t.withheld = personalFields(t.goType), withheldFields(t.goType)
	k := key{t.Name, t.Schema}
	if c.byName[k] != nil || c.byType[t.goType] != nil {
		panic("events: defined twice: " + t.Name)
	}
	c.byName[k], c.byType[t.goType] = t, t
	return t
}

// defineFinal enters T as an event that ends its stream.
func defineFinal[T any](name string, schema int) *Type {
	t := define[T](name, schema)
	t.Final = true
	return t
}

// TypeOf tells the stored form of d.
func TypeOf(d Data) *Type {
	t := known.byType[reflect.TypeOf(d).Elem()]
	if t == nil {
		panic(fmt.Sprintf("events: %T has no stored name", d))
	}
	return t
}

// NameOf is the stored name of the event type T.
func NameOf[T any]() string { return known.byType[reflect.TypeFor[T]()].Name }

// Types lists every stored form, by name and schema.
func Types() []*Type { return known.types() }

// KnowsForm tells whether this binary can read what an UnknownType was made of.
func KnowsForm(form string) bool {
	name, schema, _ := strings.Cut(form, "/")
	number, err := strconv.Atoi(schema)
	return err == nil && known.byName[key{name, number}] != nil
}

func (c *catalogue) types() []*Type {
	all := make([]*Type, 0, len(c.byName))
	for _, t := range c.byName {
		all = append(all, t)
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Name != all[j].Name {
			return all[i].Name < all[j].Name
		}
		return all[i].Schema < all[j].Schema
	})
	return all
}

// UnknownType is returned for an event that this binary cannot read: written by
// a newer one. Readers step over it, count it, and never guess.
type UnknownType struct {
	Name   string
	Schema int
}

// Form is the event's stored name and schema, as name/schema.
func (e UnknownType) Form() string { return fmt.Sprintf("%s/%d", e.Name, e.Schema) }

func (e UnknownType) Error() string {
	return fmt.Sprintf("unknown event type %s, schema %d", e.Name, e.Schema)
}

// Encode gives the stored form of d. Personal fields are written as they stand:
// seal them first.
func Encode(d Data) ([]byte, error) { return json.Marshal(d) }

// Decode reads a stored form and gives today's value of it. It fails with
// UnknownType for a name or schema that is not in the catalogue, and where an upcast
// panics: many decode in goroutines of their own, and one event must not end a process
// that can set it aside.
func Decode(name string, schema int, data []byte) (Data, error) {
	return known.decode(name, schema, data)
}

func (c *catalogue) decode(name string, schema int, data []byte) (_ Data, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decode %s: panic: %v", name, p)
		}
	}()
	t := c.byName[key{name, schema}]
	if t == nil {
		return nil, UnknownType{name, schema}
	}
	d := reflect.New(t.goType).Interface()
	if err := json.Unmarshal(data, d); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return c.current(t, d), nil
}

// GoType is the type whose JSON the stored form is.
func (t *Type) GoType() reflect.Type { return t.goType }

// Kind is the kind of stream that the event stands in.
func (t *Type) Kind() Kind {
	kind, _, _ := strings.Cut(t.Name, ".")
	return Kind(kind)
}
