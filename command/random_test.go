package command

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sical-backend/events"
	"sical-backend/internal/testkit/fill"
)

// Few ids, so that random commands meet; texts good and bad for every field.
var (
	pool  = []events.ID{anna.id, bo.id, idOf("heap")}
	texts = []string{
		"", "\x1b", "\xff", strings.Repeat("长", maxTitle+1), "two\nlines",
		"Learn Go", "学会微积分", "张三", "zhang@example.org", "2026-03-01", "zh-CN", "Asia/Shanghai", "UTC",
	}
)

// forms are texts for the fields that take none but those of a form of their own.
var forms = map[string][]string{
	"url": {hookURL, hookURL + "2", ""}, "secret": {hookSecret, hookSecret, ""}, "event_types": {"goal.*", "user.*", "bogus"},
}

// field sets what commands are made of, to what they may be and what they may not.
func field(r *rand.Rand) func(v reflect.Value, name string) bool {
	return func(v reflect.Value, name string) bool {
		switch {
		case v.Type() == reflect.TypeFor[events.ID]():
			v.Set(reflect.ValueOf(pick(r, pool)))
		case v.Type() == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(noon))
		case v.Type() == reflect.TypeFor[events.Date]():
			v.SetInt(r.Int64N(30_000))
		case v.CanInt():
			v.SetInt(pick(r, []int64{-1, 0, 1, 5, 10, 11, 50_00, 100_00, 1 << 30}))
		case r.IntN(4) > 0 && fill.Listed(v, r.IntN):
		case v.Kind() == reflect.String && forms[name] != nil:
			v.SetString(pick(r, forms[name]))
		case v.Kind() == reflect.String:
			v.SetString(pick(r, texts))
		default:
			return false
		}
		return true
	}
}

// endings come about once in so many times, or nothing would live long enough.
var endings = map[string]int{"user.erase": 20, "goal.delete": 20, "comment.delete": 20, "webhook.delete": 4}

// secretive rules cannot tell whether a secret is a new one.
var secretive = map[string]bool{"user.change_password": true, "webhook.revise": true}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// Whatever people ask for in whatever order: decisions are pure, every refusal
// says why, asking again changes nothing more, and the rules hold of what comes
// of it. The seeds are fixed, so that every kind of event is known to happen.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	happened := map[string]bool{}
	for seed := range uint64(60) {
		log := randomHistory(t, rand.New(rand.NewPCG(seed, 0)), 800)
		checkStates(t, log)
		for _, e := range log {
			happened[events.TypeOf(e.Data).Name] = true
		}
		if t.Failed() {
			t.Fatal("seed", seed)
		}
	}
	for _, kind := range events.Types() {
		if !happened[kind.Name] {
			t.Errorf("%s never happened", kind.Name)
		}
	}
}

func randomHistory(t *testing.T, r *rand.Rand, commands int) history {
	people, rules := []person{anna, bo, cleo, mo, ada}, Rules()
	log := told(account(anna), account(bo), account(cleo), account(mo), account(ada), pointNamed("heap", "tree"))
	for range commands {
		rule, by := pick(r, rules), pick(r, people)
		c := rule.New()
		fill.Value(reflect.ValueOf(c).Elem(), r.IntN, field(r))
		if odds := endings[rule.Name]; odds > 0 && r.IntN(odds) > 0 {
			continue
		}
		who := Given{Actor: by.id, Role: by.role, At: noon, Now: noon}
		o := decidePurely(t, rule, c, who, log)
		if !log.accepts(rule, c, who, o) {
			continue
		}
		checkFrom(t, log, rule.Stream(c, who), o)
		log = log.after(rule, c, who, o)
		again, _ := decideAs(rule, c, who, log)
		if !rule.Creates && !rule.Unchecked && !secretive[rule.Name] && len(again.Events) > 0 {
			t.Errorf("%s twice: %+v", rule.Name, again)
		}
	}
	return log
}

// decidePurely decides twice, and expects the same and the command untouched.
func decidePurely(t *testing.T, r Rule, c Command, who Given, log history) Outcome {
	before := reflect.New(reflect.TypeOf(c).Elem())
	before.Elem().Set(reflect.ValueOf(c).Elem())
	o, err := decideAs(r, c, who, log)
	again, errAgain := decideAs(r, c, who, log)
	if !reflect.DeepEqual(o, again) || !reflect.DeepEqual(err, errAgain) || !reflect.DeepEqual(before.Interface(), any(c)) {
		t.Errorf("%s is not pure:\n%+v, then %+v\n%+v, then %+v", r.Name, o, again, before, c)
	}
	var refusal *Refusal
	if err != nil && (!errors.As(err, &refusal) || refusal.Code == "" || refusal.Detail == "") {
		t.Errorf("%s: %v is no reason", r.Name, err)
	}
	if err != nil && !reflect.DeepEqual(o, Outcome{}) {
		t.Errorf("%s is refused and has an outcome", r.Name)
	}
	return o
}

// accepts tells whether the log would take the outcome: what the decision
// relies on is there, and a new stream is new.
func (h history) accepts(r Rule, c Command, who Given, o Outcome) bool {
	if r.Creates && h.live(r.Stream(c, who)) != nil {
		return false
	}
	for _, ref := range o.Requires {
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
		version := 1
		if last := h.live(r.Stream(c, who)); last != nil {
			version += last.Version
		}
		h = append(h, events.Event{Stream: r.Stream(c, who), Owner: o.Owner, Data: d, Version: version})
	}
	for _, e := range o.Also {
		h = append(h, events.Event{Stream: e.Stream, Data: e.Data})
	}
	return h
}

// checkFrom compares the status that an event says it changes with the one that
// its stream has, and sees that nothing follows a stream's end.
func checkFrom(t *testing.T, log history, s events.Stream, o Outcome) {
	if last := log.live(s); last != nil && events.TypeOf(last.Data).Final {
		t.Errorf("%s goes on after its end", s)
	}
	for _, d := range o.Events {
		from := reflect.ValueOf(d).Elem().FieldByName("From")
		if !from.IsValid() {
			continue
		}
		if status := reflect.ValueOf(log.state(s)).FieldByName("status"); status.String() != from.String() {
			t.Errorf("%s is %s, and %T says it was %s", s, status, d, from)
		}
	}
}

func checkStates(t *testing.T, log history) {
	for _, id := range pool {
		a, _ := log.state(events.StreamOf(events.KindAssessment, id)).(assessment)
		if a.score != nil && (*a.score < 0 || *a.score > a.most) {
			t.Errorf("a score of %v, at most %v", a.score, a.most)
		}
		c, _ := log.state(events.Curriculum).(curriculum)
		for _, p := range c.of(id) {
			if c.way(p, id, map[events.ID]bool{}) != nil {
				t.Errorf("%s needs itself", id)
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
			t.Errorf("%s:\n%s", kind.Name, diff)
		}
	}
}
