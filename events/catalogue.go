package events

import (
	"fmt"
	"reflect"
	"sort"

	"github.com/go-json-experiment/json"
)

// Data is the fact itself: a pointer to one of this package's event types.
type Data interface{ fact() }

// Type describes one stored form of one event.
type Type struct {
	Name   string
	Schema int
	Final  bool // no event follows it in its stream
	goType reflect.Type
	sealed []field // its Personal fields
}

type key struct {
	name   string
	schema int
}

// The catalogue is filled by the define calls beside the types and not written
// to after the package's initialisation.
var (
	byName = map[key]*Type{}
	byType = map[reflect.Type]*Type{}
)

// define enters T as the current stored form of name.
func define[T any](name string, schema int) *Type {
	t := &Type{Name: name, Schema: schema, goType: reflect.TypeFor[T]()}
	t.sealed = personalFields(t.goType)
	k := key{name, schema}
	if byName[k] != nil || byType[t.goType] != nil {
		panic("events: defined twice: " + name)
	}
	byName[k], byType[t.goType] = t, t
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
	t := byType[reflect.TypeOf(d).Elem()]
	if t == nil {
		panic(fmt.Sprintf("events: %T has no stored name", d))
	}
	return t
}

// NameOf is the stored name of the event type T.
func NameOf[T any]() string { return byType[reflect.TypeFor[T]()].Name }

// Types lists every stored form, by name and schema.
func Types() []*Type {
	all := make([]*Type, 0, len(byName))
	for _, t := range byName {
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

// Fields lists the stored fields of t with their Go types, for the golden
// catalogue and the documentation.
func (t *Type) Fields() []string {
	var lines []string
	for i := range t.goType.NumField() {
		f := t.goType.Field(i)
		lines = append(lines, f.Tag.Get("json")+" "+f.Type.String())
	}
	return lines
}

// UnknownType is returned for an event that this binary cannot read: written by
// a newer one. Readers step over it, count it, and never guess.
type UnknownType struct {
	Name   string
	Schema int
}

func (e UnknownType) Error() string {
	return fmt.Sprintf("unknown event type %s, schema %d", e.Name, e.Schema)
}

// Encode gives the stored form of d. Personal fields are written as they stand:
// seal them first.
func Encode(d Data) ([]byte, error) { return json.Marshal(d) }

// Decode reads a stored form. It fails with UnknownType for a name or schema
// that is not in the catalogue.
func Decode(name string, schema int, data []byte) (Data, error) {
	t := byName[key{name, schema}]
	if t == nil {
		return nil, UnknownType{name, schema}
	}
	d := reflect.New(t.goType).Interface().(Data)
	if err := json.Unmarshal(data, d); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return d, nil
}
