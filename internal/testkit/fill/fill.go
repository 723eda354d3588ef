// Package fill makes values of any type by chance, for tests that must not forget a
// field or a type that is added later.
package fill

import (
	"fmt"
	"reflect"
	"strings"
)

// Value sets v, and everything in it. Where set knows a type it sets the value and
// returns true; its name is that of the nearest field in JSON. Else a pointer is nil in
// one of two, a slice has up to two elements, and a bool is either. below draws a number
// from 0 up to n-1. It panics on other types that set does not know.
func Value(v reflect.Value, below func(n int) int, set func(v reflect.Value, name string) bool) {
	value(v, "", below, set)
}

func value(v reflect.Value, name string, below func(n int) int, set func(v reflect.Value, name string) bool) {
	if set(v, name) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if below(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			value(v.Elem(), name, below, set)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			value(v.Field(i), field, below, set)
		}
	case reflect.Slice:
		n := below(3)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			value(v.Index(i), name, below, set)
		}
	case reflect.Bool:
		v.SetBool(below(2) == 0)
	default:
		panic(fmt.Sprintf("fill: nothing is known to set a %s to", v.Type()))
	}
}

// Listed sets a text of a closed list to one of its values, and tells whether v is one: a
// type of text whose method Values lists them.
func Listed(v reflect.Value, below func(n int) int) bool {
	values := v.MethodByName("Values")
	if v.Kind() != reflect.String || !values.IsValid() {
		return false
	}
	all := values.Call(nil)[0]
	v.Set(all.Index(below(all.Len())))
	return true
}
