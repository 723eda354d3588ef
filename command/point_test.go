package command

import (
	"testing"

	"sical-backend/events"
)

// pointNamed is points with the least there is to say of them.
func pointNamed(names ...string) (h history) {
	for _, n := range names {
		h = append(h, on(events.StreamOf(events.KindPoint, idOf(n)), nobody, &events.PointCreated{Title: n, Difficulty: 5})...)
	}
	return h
}

func TestCreatePoint(t *testing.T) {
	t.Parallel()
	g := given{by: cleo}
	o := g.when(t, &CreatePoint{Of: of("heap"), Title: "堆", Difficulty: new(7), Minutes: new(45)},
		&events.PointCreated{Title: "堆", Difficulty: 7, Minutes: 45})
	same(t, o, Outcome{Events: o.Events}) // nobody's, and nothing else to it
	g.when(t, &CreatePoint{Title: "Heap"}, &events.PointCreated{Title: "Heap", Difficulty: 5})
	g.refuses(t, &CreatePoint{}, "blank", "/title")
	g.refuses(t, &CreatePoint{Title: "x", Difficulty: new(0)}, "out_of_range", "/difficulty_level")
	g.refuses(t, &CreatePoint{Title: "x", Difficulty: new(11)}, "out_of_range", "/difficulty_level")
	g.refuses(t, &CreatePoint{Title: "x", Minutes: new(-1)}, "out_of_range", "/estimated_minutes")
	g.refuses(t, &CreatePoint{Title: "x", Minutes: new(maxMinutes + 1)}, "out_of_range", "/estimated_minutes")
	given{by: anna}.refuses(t, &CreatePoint{Title: "堆"}, "forbidden")
}

func TestCreatePointWithPrerequisites(t *testing.T) {
	t.Parallel()
	g := given{by: cleo}
	o := g.when(t, &CreatePoint{Of: of("heap"), Title: "堆", Prerequisites: ids("array", "tree")},
		&events.PointCreated{Title: "堆", Difficulty: 5})
	same(t, o.Requires, livePoints("/prerequisites", "array", "tree"))
	same(t, o.Also, []Elsewhere{{Stream: events.Curriculum, Data: &events.PrerequisitesSet{
		Point: idOf("heap"), Prerequisites: events.Change[[]events.ID]{To: ids("array", "tree")},
	}}})
	g.refuses(t, &CreatePoint{Of: of("heap"), Title: "x", Prerequisites: ids("array", "heap")}, "self_prerequisite", "/prerequisites/1")
	g.refuses(t, &CreatePoint{Of: of("heap"), Title: "x", Prerequisites: ids("array", "array")}, "repeated", "/prerequisites/1")
}

func TestRevisePoint(t *testing.T) {
	t.Parallel()
	g := given{mo, pointNamed("heap")}
	g.when(t, &RevisePoint{Of: of("heap"), Title: new("堆"), Category: new("数据结构"), Difficulty: new(6), Minutes: new(30)},
		&events.PointRevised{
			Title:      new("堆"),
			Category:   &events.Change[string]{To: "数据结构"},
			Difficulty: &events.Change[int]{From: 5, To: 6},
			Minutes:    new(30),
		})
	g.when(t, &RevisePoint{Of: of("heap"), Title: new("heap"), Difficulty: new(5), Minutes: new(0)})
	g.refuses(t, &RevisePoint{Of: of("heap"), Title: new(" ")}, "blank", "/title")
	g.refuses(t, &RevisePoint{Of: of("heap"), Difficulty: new(11)}, "out_of_range", "/difficulty_level")
	g.refuses(t, &RevisePoint{Of: of("heap"), Minutes: new(-5)}, "out_of_range", "/estimated_minutes")
	g.refuses(t, &RevisePoint{Of: of("nowhere"), Title: new("x")}, "not_found")
	given{anna, pointNamed("heap")}.refuses(t, &RevisePoint{Of: of("heap"), Title: new("堆")}, "forbidden")
}

func TestStudy(t *testing.T) {
	t.Parallel()
	g := given{by: anna}
	live := []Reference{{Stream: events.StreamOf(events.KindPoint, idOf("heap"))}, {Stream: events.StreamOf(events.KindUser, anna.id)}}
	o := g.when(t, &RecordStudy{Of: of("heap"), Amount: new(int64(30)), Kind: "阅读"},
		&events.Studied{Point: idOf("heap"), Amount: 30, Kind: "阅读"})
	same(t, o.Owner, anna.id)
	same(t, o.Requires, live)
	g.when(t, &RecordStudy{Of: of("heap")}, &events.Studied{Point: idOf("heap"), Amount: 1})
	g.when(t, &RecordStudy{Of: of("heap"), Amount: new(int64(0))}, &events.Studied{Point: idOf("heap")})
	g.refuses(t, &RecordStudy{Of: of("heap"), Amount: new(int64(-1))}, "out_of_range", "/amount")
	g.refuses(t, &RecordStudy{Of: of("heap"), Amount: new(int64(maxAmount + 1))}, "out_of_range", "/amount")
	g.refuses(t, &RecordStudy{Of: of("heap"), Kind: "a\nb"}, "control_character", "/kind")

	o = g.when(t, &CompletePoint{Of: of("heap")}, &events.PointLearnt{Point: idOf("heap")})
	same(t, o.Requires, live)
	for _, c := range []Command{&RecordStudy{Of: of("heap")}, &CompletePoint{Of: of("heap")}} {
		r := ruleOf(c)
		same(t, r.Stream(c, Given{Actor: anna.id}), events.StreamOf(events.KindStudy, anna.id))
		if !r.Unchecked {
			t.Errorf("%s looks at its stream, which is long and busy", r.Name)
		}
	}
}
