package events

import (
	"reflect"
	"strings"
)

// Personal is text about a person. Inside the process that decides it is plain;
// in the log, on the bus and in every table it is sealed with the person's own
// key, so that destroying the key forgets it everywhere at once.
type Personal string

// field is where a Personal or *Personal stands in an event type.
type field struct {
	name    string
	index   int
	pointer bool
}

func personalFields(t reflect.Type) []field {
	var found []field
	for i := range t.NumField() {
		if f := t.Field(i); isPersonal(f.Type) {
			found = append(found, field{f.Name, i, f.Type.Kind() == reflect.Pointer})
		}
	}
	return found
}

func isPersonal(t reflect.Type) bool {
	return t == reflect.TypeFor[Personal]() || t == reflect.TypeFor[*Personal]()
}

// HasPersonal tells whether any field of the type is about a person.
func (t *Type) HasPersonal() bool { return len(t.sealed) > 0 }

// Withheld lists the stored names of the fields that are sent to no receiver outside:
// what is Personal, and what is marked as inside only, by the tag outside:"-". They are
// the log's and its readers' alone.
func (t *Type) Withheld() []string { return t.withheld }

func withheldFields(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if isPersonal(f.Type) || f.Tag.Get("outside") == "-" {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}

// MapPersonal returns d with every non-empty personal field passed through f,
// which seals or opens it. d itself is left as it was; it is returned where it
// has no such field.
func MapPersonal(d Data, f func(field string, text Personal) (Personal, error)) (Data, error) {
	t := TypeOf(d)
	if !t.HasPersonal() {
		return d, nil
	}
	mapped := reflect.New(t.goType)
	mapped.Elem().Set(reflect.ValueOf(d).Elem())
	for _, at := range t.sealed {
		v := mapped.Elem().Field(at.index)
		if at.pointer {
			if v.IsNil() {
				continue
			}
			fresh := reflect.New(reflect.TypeFor[Personal]())
			fresh.Elem().Set(v.Elem())
			v.Set(fresh)
			v = fresh.Elem()
		}
		if v.Len() == 0 {
			continue
		}
		text, err := f(at.name, Personal(v.String()))
		if err != nil {
			return nil, err
		}
		v.SetString(string(text))
	}
	return mapped.Interface().(Data), nil
}
