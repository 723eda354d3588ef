package events

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/catalogue.golden anew")

// Stored names and fields are read for ever: a line may be added to the golden
// file, and none may change or go. An example below each type shows the form of
// the values in it.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, kind := range Types() {
		final := ""
		if kind.Final {
			final = " final"
		}
		fmt.Fprintf(&b, "%s %d%s\n", kind.Name, kind.Schema, final)
		for f := range kind.goType.Fields() {
			fmt.Fprintf(&b, "\t%s %s\n", f.Tag.Get("json"), f.Type)
		}
		d := reflect.New(kind.goType)
		example(d.Elem())
		raw, err := json.Marshal(d.Interface()) // as Encode, of an old form too
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\t%s\n", raw)
	}
	const golden = "testdata/catalogue.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the catalogue changed; is a new schema version needed? (-golden +now)\n%s", diff)
	}
}

// example sets every field of v, always to the same.
func example(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[ID]():
		v.Set(reflect.ValueOf(ID{6: 0x70, 8: 0x80}))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		example(v.Elem())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			example(v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		example(v.Index(0))
	case v.CanInt():
		v.SetInt(1250)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	default:
		v.SetString("text")
	}
}

// Streams are named for kinds, and so are the events in them.
func TestNamesBeginWithTheirKind(t *testing.T) {
	t.Parallel()
	kinds, used := constants(t)["Kind"], map[string]bool{}
	for _, kind := range Types() {
		before, after, _ := strings.Cut(kind.Name, ".")
		if used[before] = true; !slices.Contains(kinds, before) || after == "" {
			t.Errorf("%s does not begin with the kind of its stream", kind.Name)
		}
	}
	if len(used) != len(kinds) {
		t.Errorf("of the kinds %q only %d have an event", kinds, len(used))
	}
}

func TestUnknownType(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"goal.shared", "goal.created"} {
		_, err := Decode(name, 99, []byte(`{}`))
		if want := (UnknownType{name, 99}); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if _, err := Decode("goal.created", 1, []byte(`{"title":7}`)); err == nil || errors.Is(err, UnknownType{"goal.created", 1}) {
		t.Error("a known type with bad data:", err)
	}
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	if got := NameOf[GoalPaused](); got != "goal.paused" {
		t.Error(got)
	}
	for _, kind := range written() {
		d := reflect.New(kind.goType).Interface().(Data)
		if TypeOf(d) != kind {
			t.Errorf("%T is not known as %s", d, kind.Name)
		}
	}
}
