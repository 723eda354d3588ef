package openapi

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"sical-backend/command"
	"sical-backend/events"
)

// use says what a type is used for: the reading of pointers and of unknown
// members differs.
type use int

const (
	answered use = iota // written by us: pointers may be null, members may be added
	asked               // read by us: no null, no unknown member, no id
	creating            // as asked, but with the id
	recorded            // an event's: as answered, and what is personal is sealed
)

// scalars are the types with a JSON form of their own.
var scalars = map[reflect.Type]schema{
	reflect.TypeFor[uuid.UUID]():         {Type: "string", Format: "uuid"},
	reflect.TypeFor[time.Time]():         {Type: "string", Format: "date-time"},
	reflect.TypeFor[events.Date]():       {Type: "string", Format: "date"},
	reflect.TypeFor[events.Hundredths](): {Type: "number", Description: decimals},
	reflect.TypeFor[jsontext.Value]():    {Type: "object"},
}

// decimals is said in words: by the arithmetic of most validators 33.33 is no multipleOf 0.01.
const decimals = "at most two decimals"

// kinds are the JSON types of all other Go types.
var kinds = map[reflect.Kind]schema{
	reflect.String: {Type: "string"},
	reflect.Bool:   {Type: "boolean"},
	reflect.Int:    {Type: "integer"},
	reflect.Int64:  {Type: "integer", Format: "int64"},
	reflect.Uint64: {Type: "integer", Format: "int64", Minimum: jsontext.Value("0")},
}

// schemas collects the named ones.
type schemas map[string]*schema

// of is the schema of t: a reference where t is a struct. It panics on a type it
// does not know, which is a mistake in the program.
func (s schemas) of(t reflect.Type, u use) *schema {
	if t.Kind() == reflect.Pointer {
		return s.of(t.Elem(), u)
	}
	if scalar, ok := scalars[t]; ok {
		return &scalar
	}
	switch t.Kind() {
	case reflect.Slice:
		return &schema{Type: "array", Items: s.of(t.Elem(), u)}
	case reflect.Map:
		return &schema{Type: "object", AdditionalProperties: s.of(t.Elem(), u)}
	case reflect.Struct:
		name := nameOf(t)
		if s[name] == nil {
			s[name] = &schema{} // stands for itself while its own fields are read
			*s[name] = *s.object(t, u)
		}
		return &schema{Ref: "#/components/schemas/" + name}
	}
	basic, ok := kinds[t.Kind()]
	if !ok {
		panic(fmt.Sprintf("openapi: no schema for %s", t))
	}
	if u != recorded { // events of later versions may have more values
		basic.Enum = enumOf(t)
	}
	return &basic
}

// enumOf is the values of an events.Enum, nil of other types.
func enumOf(t reflect.Type) (values []string) {
	list, ok := t.MethodByName("Values")
	if !ok {
		return nil
	}
	all := list.Func.Call([]reflect.Value{reflect.Zero(t)})[0]
	for i := range all.Len() {
		values = append(values, all.Index(i).String())
	}
	return values
}

// object is the schema of a struct with its embedded ones written out.
func (s schemas) object(t reflect.Type, u use) *schema {
	o := &schema{Type: "object"}
	if u == asked || u == creating {
		o.AdditionalProperties = false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Type == reflect.TypeFor[command.Of]() && u == asked, name == "-":
			continue
		case f.Anonymous:
			inner := s.object(f.Type, u)
			o.Properties = append(o.Properties, inner.Properties...)
			o.Required = append(o.Required, inner.Required...)
			continue
		}
		o.Properties = append(o.Properties, property{name, s.field(f, u, option == "")})
		if option == "" {
			o.Required = append(o.Required, name)
		}
	}
	return o
}

// field is the schema of a struct's field, narrowed by its tags.
func (s schemas) field(f reflect.StructField, u use, always bool) *schema {
	p := s.of(f.Type, u)
	switch doc := f.Tag.Get("doc"); {
	case p.Description == "":
		p.Description = doc
	case doc != "":
		p.Description = doc + "; " + p.Description
	}
	if format, ok := f.Tag.Lookup("format"); ok {
		p.Format = format
	}
	for tag, bound := range map[string]*jsontext.Value{
		"min": &p.Minimum, "max": &p.Maximum, "minlen": &p.MinLength, "maxlen": &p.MaxLength,
	} {
		if v, ok := f.Tag.Lookup(tag); ok {
			*bound = jsontext.Value(v)
		}
	}
	if u == recorded && (f.Type == reflect.TypeFor[events.Personal]() || f.Type == reflect.TypeFor[*events.Personal]()) {
		p.Description = "Personal: sealed with the person's own key. It says only whether it is empty."
	}
	if (u == answered || u == recorded) && always && f.Type.Kind() == reflect.Pointer {
		return orNull(p)
	}
	return p
}

// orNull allows null as well.
func orNull(p *schema) *schema {
	if p.Ref != "" {
		return &schema{Description: p.Description, OneOf: []*schema{{Ref: p.Ref}, {Type: "null"}}}
	}
	p.Type = []any{p.Type, "null"}
	return p
}

// nameOf is a type's own name; Page[Goal] is GoalPage.
func nameOf(t reflect.Type) string {
	name, of, generic := strings.Cut(t.Name(), "[")
	if !generic {
		return strings.ToUpper(name[:1]) + name[1:]
	}
	of = strings.TrimSuffix(of[strings.LastIndexByte(of, '.')+1:], "]")
	return strings.ToUpper(of[:1]) + of[1:] + name
}
