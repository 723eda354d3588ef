package command

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sical-backend/events"
)

// needs is that one point has others as prerequisites.
func needs(point string, prerequisites ...string) events.Data {
	return &events.PrerequisitesSet{Point: idOf(point), Prerequisites: events.Change[[]events.ID]{To: ids(prerequisites...)}}
}

func TestSetPrerequisites(t *testing.T) {
	t.Parallel()
	world := told(pointNamed("array", "tree", "heap", "sort"),
		on(events.Curriculum, nobody, needs("heap", "tree"), needs("tree", "array")))
	g := given{cleo, world}
	set := func(point string, prerequisites ...string) Command {
		return &SetPrerequisites{of(point), ids(prerequisites...)}
	}

	o := g.when(t, set("heap", "array", "tree"), &events.PrerequisitesSet{
		Point: idOf("heap"), Prerequisites: events.Change[[]events.ID]{From: ids("tree"), To: ids("array", "tree")},
	})
	same(t, o, Outcome{Events: o.Events, Requires: livePoints("/prerequisites", "array", "tree")})
	g.when(t, set("heap"), &events.PrerequisitesSet{
		Point: idOf("heap"), Prerequisites: events.Change[[]events.ID]{From: ids("tree"), To: ids()},
	})
	g.when(t, set("heap", "tree"))
	g.when(t, set("sort"))
	g.refuses(t, set("sort", "sort"), "self_prerequisite", "/prerequisites/0")
	g.refuses(t, set("sort", "heap", "tree", "heap"), "repeated", "/prerequisites/2")
	g.refuses(t, set("tree", "heap"), "prerequisite_cycle", "/prerequisites/0")
	g.refuses(t, set("array", "sort", "heap"), "prerequisite_cycle", "/prerequisites/1")
	g.refuses(t, &SetPrerequisites{Of: of("heap")}, "missing", "/prerequisites")
	g.refuses(t, set("nowhere", "heap"), "not_found")
	given{anna, world}.refuses(t, set("heap", "array"), "forbidden")
	same(t, ruleOf(set("heap")).Stream(set("heap"), Given{}), events.Curriculum)
}

func TestCycleIsNamed(t *testing.T) {
	t.Parallel()
	chain := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"}
	log := on(events.Curriculum, nobody, needs("e", "d"), needs("d", "c"))
	detail := cycleOf(t, told(pointNamed(chain...), log), "c", "e")
	same(t, detail, "These points would each have to be learnt before the other: "+
		idOf("c").String()+" needs "+idOf("e").String()+" needs "+idOf("d").String()+" needs "+idOf("c").String()+".")

	log = nil
	for i := range chain[1:] {
		log = append(log, on(events.Curriculum, nobody, needs(chain[i+1], chain[i]))...)
	}
	detail = cycleOf(t, told(pointNamed(chain...), log), "a", "m")
	if !strings.Contains(detail, "needs (4 more) needs") || !strings.HasSuffix(detail, idOf("a").String()+".") {
		t.Error("a long circle has its middle left out, and its end not:", detail)
	}
}

func cycleOf(t *testing.T, log history, point, prerequisite string) string {
	t.Helper()
	_, err := given{cleo, log}.decide(&SetPrerequisites{of(point), ids(prerequisite)})
	var r *Refusal
	if !errors.As(err, &r) || r.Code != "prerequisite_cycle" {
		t.Fatal("no circle found:", err)
	}
	return r.Detail
}

// The check against circles agrees with a plain one on every step of random
// curricula, and no step changes the state before it.
func TestNoCycleEver(t *testing.T) {
	t.Parallel()
	names := strings.Split("abcdefgh", "")
	rapid.Check(t, func(t *rapid.T) {
		var s curriculum
		edges := map[string][]string{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			point := rapid.SampledFrom(names).Draw(t, "point")
			before := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID[string]).Draw(t, "prerequisites")
			old := s
			d, err := s.set(idOf(point), ids(before...))
			if closes := closesCircle(edges, point, before); closes != (err != nil) {
				t.Fatalf("%s needs %v in %v: closes a circle %v, error %v", point, before, edges, closes, err)
			}
			if err != nil {
				continue
			}
			s = evolveCurriculum(s, events.Event{Data: d})
			if len(old.of(idOf(point))) != len(edges[point]) {
				t.Fatal("the state before was changed")
			}
			edges[point] = before
		}
	})
}

// closesCircle walks from every point until nothing new is reached.
func closesCircle(edges map[string][]string, point string, before []string) bool {
	reached := map[string]bool{}
	todo := before
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		if reached[next] {
			continue
		}
		reached[next] = true
		todo = append(todo[:len(todo):len(todo)], edges[next]...)
	}
	return reached[point]
}

// A chain of ten thousand points, each needing the last one, is deep enough.
func BenchmarkPrerequisiteCycle(b *testing.B) {
	var s curriculum
	chain := make([]events.ID, 10_000)
	for i := range chain {
		chain[i] = events.ID{14: byte(i >> 8), 15: byte(i)}
		if i > 0 {
			set := events.Change[[]events.ID]{To: chain[i-1 : i]}
			s = evolveCurriculum(s, events.Event{Data: &events.PrerequisitesSet{Point: chain[i], Prerequisites: set}})
		}
	}
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.set(chain[0], chain[len(chain)-1:]); err == nil {
				b.Fatal("no circle found")
			}
		}
	})
	b.Run("evolve", func(b *testing.B) {
		e := events.Event{Data: &events.PrerequisitesSet{Point: chain[7], Prerequisites: events.Change[[]events.ID]{To: chain[6:7]}}}
		for b.Loop() {
			evolveCurriculum(s, e)
		}
	})
}
