package command

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"sical-backend/events"
)

// The limits and needs told beside a field are the ones that are kept.
func TestLimitsAreKept(t *testing.T) {
	t.Parallel()
	for c, log := range samples() {
		by := whoMay(c, log)
		for _, f := range reflect.VisibleFields(reflect.TypeOf(c).Elem()) {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous || name == "-" || name == "id" || f.Tag.Get("format") == "password" {
				continue // a password is judged where it is hashed
			}
			for _, bad := range beyond(f, options == "") {
				changed := reflect.New(reflect.TypeOf(c).Elem())
				changed.Elem().Set(reflect.ValueOf(c).Elem())
				changed.Elem().FieldByIndex(f.Index).Set(bad)
				_, err := given{by, log}.decide(changed.Interface().(Command))
				var r *Refusal
				if !errors.As(err, &r) || r.Pointer != "/"+name {
					t.Errorf("%T with %s = %+v: %v", c, name, bad, err)
				}
			}
		}
	}
}

// whoMay is somebody for whom the command is decided.
func whoMay(c Command, log history) person {
	for _, p := range []person{nobody, anna, cleo, mo} {
		if _, err := (given{p, log}).decide(c); err == nil {
			return p
		}
	}
	return ada
}

// beyond is values that a field's tags forbid.
func beyond(f reflect.StructField, required bool) (bad []reflect.Value) {
	as := func(v any) reflect.Value {
		of, pointer := f.Type, f.Type.Kind() == reflect.Pointer
		if pointer {
			of = of.Elem()
		}
		value := reflect.New(of)
		value.Elem().Set(reflect.ValueOf(v).Convert(of))
		if pointer {
			return value
		}
		return value.Elem()
	}
	if required {
		bad = append(bad, reflect.Zero(f.Type))
	}
	if f.Tag.Get("enum") != "" {
		bad = append(bad, as("bogus"))
	}
	if most, err := strconv.Atoi(f.Tag.Get("maxlen")); err == nil {
		bad = append(bad, as(strings.Repeat("x", most+1)))
	}
	if f.Tag.Get("minlen") == "1" {
		bad = append(bad, as(""))
	}
	unit := events.Hundredths(100)
	if f.Type == reflect.TypeFor[*events.Hundredths]() {
		unit = 1
	}
	for tag, step := range map[string]events.Hundredths{"min": -1, "max": 1} {
		if limit, err := events.ParseHundredths(f.Tag.Get(tag)); err == nil {
			bad = append(bad, as(limit/unit+step))
		}
	}
	return bad
}
