package command

import (
	"testing"

	"sical-backend/events"
)

var (
	sorting   = &events.PathCreated{Title: "排序", Category: "算法", Points: ids("heap")}
	offered   = &events.PathPublished{Title: "排序", Category: "算法", From: events.PathStatusDraft}
	published = on(pathStream("path"), cleo, sorting, offered)
	archived  = on(pathStream("old"), cleo, sorting, offered, &events.PathArchived{From: events.PathStatusPublished})
)

func pathStream(name string) events.Stream { return events.StreamOf(events.KindPath, idOf(name)) }

func drafted(by person, name string) history { return on(pathStream(name), by, sorting) }

func TestCreatePath(t *testing.T) {
	t.Parallel()
	g := given{by: anna}
	o := g.when(t, &CreatePath{Title: "排序", Category: "算法", Points: ids("heap")}, sorting)
	same(t, o.Owner, anna.id)
	same(t, o.Requires, livePoints("/points", "heap"))
	g.refuses(t, &CreatePath{}, "blank", "/title")
	g.refuses(t, &CreatePath{Title: "x", Category: "a\nb"}, "control_character", "/category")
	g.refuses(t, &CreatePath{Title: "x", Points: ids("heap", "tree", "heap")}, "repeated", "/points/2")
}

func TestRevisePath(t *testing.T) {
	t.Parallel()
	title := &RevisePath{Of: of("path"), Title: new("Sorting"), Category: new("algorithms")}
	category := &events.Change[string]{From: "算法", To: "algorithms"}
	own := given{anna, drafted(anna, "path")}
	own.when(t, title, &events.PathDraftRevised{Title: new(events.Personal("Sorting")), Category: category})
	own.when(t, &RevisePath{Of: of("path"), Title: new("排序")})
	own.refuses(t, &RevisePath{Of: of("path"), Title: new("")}, "blank", "/title")
	own.refuses(t, &RevisePath{Of: of("nowhere"), Title: new("x")}, "not_found")
	for _, other := range []person{bo, cleo, mo, ada} {
		given{other, drafted(anna, "path")}.refuses(t, title, "not_found")
	}

	public := given{mo, published}
	o := public.when(t, title, &events.PathRevised{Title: new("Sorting"), Category: category})
	same(t, o.Owner, cleo.id)
	given{bo, published}.refuses(t, title, "forbidden")
	given{cleo, archived}.refuses(t, &RevisePath{Of: of("old"), Title: new("x")}, "path_archived")

	// Its author is a curator no more.
	given{person{cleo.id, events.Learner}, published}.refuses(t, title, "forbidden")
}

func TestPublishPath(t *testing.T) {
	t.Parallel()
	publish := &PublishPath{of("path")}
	o := given{cleo, drafted(cleo, "path")}.when(t, publish, offered)
	same(t, o.Requires, []Reference{{Stream: events.StreamOf(events.KindUser, cleo.id)}})
	given{cleo, published}.when(t, publish)
	given{anna, drafted(anna, "path")}.refuses(t, publish, "forbidden")
	given{cleo, drafted(anna, "path")}.refuses(t, publish, "not_found")
	given{ada, drafted(anna, "path")}.refuses(t, publish, "not_found")
	o = given{mo, archived}.when(t, &PublishPath{of("old")},
		&events.PathPublished{Title: "排序", Category: "算法", From: events.PathStatusArchived})
	same(t, o.Requires, nil) // its author may be gone by now

	// A draft that was given up is still its owner's alone, and one of nobody's is nobody's to forget.
	givenUp := on(pathStream("path"), cleo, sorting, &events.PathArchived{From: events.PathStatusDraft})
	o = given{cleo, givenUp}.when(t, publish, &events.PathPublished{Title: "排序", Category: "算法", From: events.PathStatusArchived})
	same(t, o.Requires, []Reference{{Stream: events.StreamOf(events.KindUser, cleo.id)}})
	system := person{role: events.Admin}
	o = given{system, drafted(system, "path")}.when(t, publish, offered)
	same(t, o.Requires, nil)

	// The words of somebody whose key is gone cannot be read any more.
	given{cleo, on(pathStream("path"), cleo, &events.PathCreated{Category: "算法"})}.refuses(t, publish, "blank", "")

	// It is published with the words it has by then.
	revised := on(pathStream("path"), cleo, sorting, &events.PathDraftRevised{Description: new(events.Personal("快"))})
	given{cleo, revised}.when(t, publish,
		&events.PathPublished{Title: "排序", Description: "快", Category: "算法", From: events.PathStatusDraft})
}

func TestArchivePath(t *testing.T) {
	t.Parallel()
	archive := &ArchivePath{of("path")}
	given{mo, published}.when(t, archive, &events.PathArchived{From: events.PathStatusPublished, Category: "算法"})
	given{anna, drafted(anna, "path")}.when(t, archive, &events.PathArchived{From: events.PathStatusDraft, Category: "算法"})
	given{mo, archived}.when(t, &ArchivePath{of("old")})
	given{anna, published}.refuses(t, archive, "forbidden")
	given{mo, drafted(anna, "path")}.refuses(t, archive, "not_found")
}

func TestSetPathPoints(t *testing.T) {
	t.Parallel()
	set := &SetPathPoints{of("path"), ids("heap", "tree")}
	want := &events.PathPointsSet{Points: events.Change[[]events.ID]{From: ids("heap"), To: ids("heap", "tree")}}
	o := given{anna, drafted(anna, "path")}.when(t, set, want)
	same(t, o.Requires, livePoints("/points", "heap", "tree"))
	given{cleo, published}.when(t, set, want)
	given{cleo, published}.when(t, &SetPathPoints{of("path"), ids("heap")})
	given{cleo, published}.refuses(t, &SetPathPoints{Of: of("path")}, "missing", "/points")
	given{cleo, published}.refuses(t, &SetPathPoints{of("path"), ids("heap", "heap")}, "repeated", "/points/1")
	given{cleo, archived}.refuses(t, &SetPathPoints{of("old"), ids("tree")}, "path_archived")
	given{bo, published}.refuses(t, set, "forbidden")
	given{cleo, drafted(anna, "path")}.refuses(t, set, "not_found")
}
