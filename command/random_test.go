package command

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sical-backend/events"
)

// Few ids, so that random commands meet; texts good and bad for every field.
var (
	pool  = []events.ID{anna.id, bo.id, cleo.id, idOf("heap"), idOf("tree")}
	texts = []string{
		"", " ", "Learn Go", "学会微积分", "two\nlines", "\x1b", "\xff", strings.Repeat("长", maxTitle+1),
		"张三", "zhang@example.org", "2026-03-01", "zh-CN", "Asia/Shanghai",
	}
)

// fill sets v, which a field's tag describes, to something random.
func fill(t *rapid.T, v reflect.Value, tag reflect.StructTag) {
	switch {
	case v.Type() == reflect.TypeFor[events.ID]():
		v.Set(reflect.ValueOf(rapid.SampledFrom(pool).Draw(t, "id")))
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon))
	case v.Type() == reflect.TypeFor[events.Date]():
		v.SetInt(rapid.Int64Range(-1000, 30_000).Draw(t, "day"))
	case v.Kind() == reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), tag)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Tag)
		}
	case v.Kind() == reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i), tag)
		}
	case v.Kind() == reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case v.CanInt():
		v.SetInt(rapid.SampledFrom([]int64{-1, 0, 1, 5, 10, 11, 50_00, 100_00, 1 << 30}).Draw(t, "number"))
	case tag.Get("enum") != "":
		allowed := append(strings.Split(tag.Get("enum"), ","), "", "bogus")
		v.SetString(rapid.SampledFrom(allowed).Draw(t, "value"))
	default:
		v.SetString(rapid.SampledFrom(texts).Draw(t, "text"))
	}
}

// Whatever people ask for in whatever order: decisions are pure, every refusal
// says why, asking again changes nothing more, and the rules hold of what comes
// of it.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	people := []person{anna, bo, cleo, mo, ada}
	rapid.Check(t, func(t *rapid.T) {
		log := told(account(anna), account(bo), account(cleo), account(mo), account(ada), pointNamed("heap", "tree"))
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			r := rapid.SampledFrom(Rules()).Draw(t, "rule")
			p := rapid.SampledFrom(people).Draw(t, "person")
			c := r.New()
			fill(t, reflect.ValueOf(c).Elem(), "")
			who := Given{Actor: p.id, Role: p.role, At: noon, Now: noon}
			o := decidePurely(t, r, c, who, log)
			if !log.accepts(r, c, who, o) {
				continue
			}
			checkFrom(t, log, r.Stream(c, who), o)
			log = log.after(r, c, who, o)
			again, _ := decideAs(r, c, who, log)
			if !r.Creates && !r.Unchecked && r.Name != "user.change_password" && len(again.Events) > 0 {
				t.Fatalf("%s twice: %+v", r.Name, again)
			}
		}
		checkStates(t, log)
	})
}

// decidePurely decides twice, and expects the same and the command untouched.
func decidePurely(t *rapid.T, r Rule, c Command, who Given, log history) Outcome {
	before := reflect.New(reflect.TypeOf(c).Elem())
	before.Elem().Set(reflect.ValueOf(c).Elem())
	o, err := decideAs(r, c, who, log)
	again, errAgain := decideAs(r, c, who, log)
	if diff := cmp.Diff(o, again) + cmp.Diff(err, errAgain) + cmp.Diff(before.Interface(), any(c)); diff != "" {
		t.Fatalf("%s is not pure:\n%s", r.Name, diff)
	}
	var refusal *Refusal
	if err != nil && (!errors.As(err, &refusal) || refusal.Code == "" || refusal.Detail == "") {
		t.Fatalf("%s: %v is no reason", r.Name, err)
	}
	if err != nil && !reflect.DeepEqual(o, Outcome{}) {
		t.Fatalf("%s is refused and has an outcome", r.Name)
	}
	return o
}

// accepts tells whether the log would take the outcome: what the decision
// relies on is there, and a new stream is new.
func (h history) accepts(r Rule, c Command, who Given, o Outcome) bool {
	if r.Creates && h.live(r.Stream(c, who)) != nil {
		return false
	}
	for _, ref := range o.Live {
		last := h.live(ref.Stream)
		if last == nil || events.TypeOf(last.Data).Final || ref.Owner != (events.ID{}) && ref.Owner != last.Owner {
			return false
		}
	}
	return len(o.Events) > 0
}

// live is the last event of a stream, nil for none.
func (h history) live(s events.Stream) (last *events.Event) {
	for i := range h {
		if h[i].Stream == s {
			last = &h[i]
		}
	}
	return last
}

func (h history) after(r Rule, c Command, who Given, o Outcome) history {
	for _, d := range o.Events {
		h = append(h, events.Event{Stream: r.Stream(c, who), Owner: o.Owner, Data: d})
	}
	for _, e := range o.Also {
		h = append(h, events.Event{Stream: e.Stream, Data: e.Data})
	}
	return h
}

// checkFrom compares the status that an event says it changes with the one that
// its stream has, and sees that nothing follows a stream's end.
func checkFrom(t *rapid.T, log history, s events.Stream, o Outcome) {
	if last := log.live(s); last != nil && events.TypeOf(last.Data).Final {
		t.Fatalf("%s goes on after its end", s)
	}
	for _, d := range o.Events {
		from := reflect.ValueOf(d).Elem().FieldByName("From")
		if !from.IsValid() {
			continue
		}
		if status := reflect.ValueOf(log.state(s)).FieldByName("status"); status.String() != from.String() {
			t.Fatalf("%s is %s, and %T says it was %s", s, status, d, from)
		}
	}
}

func checkStates(t *rapid.T, log history) {
	for _, id := range pool {
		a, _ := log.state(events.StreamOf(events.KindAssessment, id)).(assessment)
		if a.score != nil && (*a.score < 0 || *a.score > a.most) {
			t.Fatalf("a score of %v, at most %v", a.score, a.most)
		}
		c, _ := log.state(events.Curriculum).(curriculum)
		for _, p := range c.of(id) {
			if c.way(p, id, map[events.ID]bool{}) != nil {
				t.Fatalf("%s needs itself", id)
			}
		}
	}
	for _, e := range log {
		raw, err := events.Encode(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		kind := events.TypeOf(e.Data)
		back, err := events.Decode(kind.Name, kind.Schema, raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e.Data, back, cmp.Transformer("", func(ids []events.ID) int { return len(ids) })); diff != "" {
			t.Fatalf("%s:\n%s", kind.Name, diff)
		}
	}
}
