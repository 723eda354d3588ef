package events

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sical-backend/internal/testkit/fill"
)

// scalar sets what events are made of to something as wide as it may be.
func scalar(r *rand.Rand) func(v reflect.Value, _ string) bool {
	return func(v reflect.Value, _ string) bool {
		switch {
		case v.Type() == reflect.TypeFor[Date]():
			v.SetInt(r.Int64N(2932896+719162) - 719162) // the years 1 to 9999
		case v.Type() == reflect.TypeFor[Hundredths]():
			v.SetInt(r.Int64N(2e14) - 1e14) // twelve digits before the point
		case v.Type() == reflect.TypeFor[ID]():
			v.Set(reflect.ValueOf(ID{0: byte(r.Uint32()), 15: byte(r.Uint32())}))
		case v.CanInt():
			v.SetInt(int64(int32(r.Uint32())))
		case v.Kind() == reflect.String:
			v.SetString([]string{"", "Learn Go", "学会微积分", "a\"\\\n\u2028<&>"}[r.IntN(4)])
		default:
			return false
		}
		return true
	}
}

// written is the forms that events are still written in.
func written() []*Type { return slices.DeleteFunc(Types(), (*Type).Old) }

func random(r *rand.Rand, of *Type) Data {
	d := reflect.New(of.goType)
	fill.Value(d.Elem(), r.IntN, scalar(r))
	return d.Interface().(Data)
}

// sameList takes an absent list for an empty one.
var sameList = cmp.Transformer("list", func(ids []ID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, " ")
})

func TestEveryEventComesBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 0))
	for _, kind := range written() {
		for range 100 {
			d := random(r, kind)
			raw, err := Encode(d)
			if err != nil {
				t.Fatalf("%s: %v", kind.Name, err)
			}
			back, err := Decode(kind.Name, kind.Schema, raw)
			if err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			if diff := cmp.Diff(d, back, sameList); diff != "" {
				t.Fatalf("%s came back as (-before +after)\n%s", raw, diff)
			}
		}
	}
}

func TestMapPersonal(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 0))
	for _, kind := range written() {
		for range 100 {
			d := random(r, kind)
			before, _ := Encode(d)
			fields := map[string]bool{}
			sealed, err := MapPersonal(d, func(field string, text Personal) (Personal, error) {
				fields[field] = true
				if text == "" {
					t.Errorf("%s.%s is empty: nothing to seal", kind.Name, field)
				}
				return "sealed:" + text, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if now, _ := Encode(d); string(now) != string(before) {
				t.Errorf("%s itself was changed", kind.Name)
			}
			if got := sealedFields(sealed); !reflect.DeepEqual(got, fields) {
				t.Errorf("%s: sealed %v, want %v", kind.Name, got, fields)
			}
			opened, err := MapPersonal(sealed, func(_ string, text Personal) (Personal, error) {
				return Personal(strings.TrimPrefix(string(text), "sealed:")), nil
			})
			if diff := cmp.Diff(d, opened, sameList); err != nil || diff != "" {
				t.Errorf("%s: %v\n%s", kind.Name, err, diff)
			}
		}
	}
}

// sealedFields is the fields of d that are sealed.
func sealedFields(d Data) map[string]bool {
	found := map[string]bool{}
	v := reflect.ValueOf(d).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Pointer && !f.IsNil() {
			f = f.Elem()
		}
		if f.Kind() == reflect.String && strings.HasPrefix(f.String(), "sealed:") {
			found[v.Type().Field(i).Name] = true
		}
	}
	return found
}

func TestMapPersonalFails(t *testing.T) {
	t.Parallel()
	noKey := errors.New("no key")
	d, err := MapPersonal(&GoalCreated{Title: "学会微积分"}, func(string, Personal) (Personal, error) { return "", noKey })
	if d != nil || !errors.Is(err, noKey) {
		t.Errorf("%v, %v", d, err)
	}
}

// Personal is found at the top of an event only: deeper it would be stored in
// the clear.
func TestNoPersonalIsHidden(t *testing.T) {
	t.Parallel()
	for _, kind := range Types() {
		for i := range kind.goType.NumField() {
			f := kind.goType.Field(i)
			if f.Type != reflect.TypeFor[Personal]() && f.Type != reflect.TypeFor[*Personal]() && holdsPersonal(f.Type) {
				t.Errorf("%s.%s holds personal text that is not sealed", kind.Name, f.Name)
			}
		}
	}
	if !holdsPersonal(reflect.TypeFor[*Change[[]Personal]]()) {
		t.Error("the test does not look deep enough")
	}
}

func holdsPersonal(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsPersonal(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsPersonal(t.Field(i).Type) {
				return true
			}
		}
	}
	return t == reflect.TypeFor[Personal]()
}
