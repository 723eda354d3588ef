package command

import (
	"slices"
	"strings"
	"testing"

	"sical-backend/events"
)

var onHeap = events.Target{Type: events.TargetPoint, ID: idOf("heap")}

func commentStream(name string) events.Stream { return events.StreamOf(events.KindComment, idOf(name)) }

// said is anna's comment on a point and what came of it.
func said(more ...events.Data) history {
	return told(pointNamed("heap"), on(commentStream("comment"), anna, append([]events.Data{&events.CommentPosted{Target: onHeap, Text: "清楚"}}, more...)...))
}

func TestPostComment(t *testing.T) {
	t.Parallel()
	g := given{anna, pointNamed("heap")}
	post := func(text string) *PostComment {
		return &PostComment{TargetType: onHeap.Type, TargetID: onHeap.ID, Text: text}
	}
	o := g.when(t, post("很清楚。\nThanks!"), &events.CommentPosted{Target: onHeap, Text: "很清楚。\nThanks!"})
	same(t, o.Owner, anna.id)
	same(t, o.Requires, []Reference{{Stream: onHeap.Stream(), Pointer: "/target_id", AsRead: true}})
	g.refuses(t, post(" \n"), "blank", "/text")
	g.refuses(t, post(strings.Repeat("好", maxComment+1)), "too_long", "/text")
	g.refuses(t, post("\x07"), "control_character", "/text")
	g.refuses(t, &PostComment{TargetID: onHeap.ID, Text: "x"}, "missing", "/target_type")
	g.refuses(t, &PostComment{TargetType: "user", TargetID: anna.id, Text: "x"}, "unknown_value", "/target_type")
	g.refuses(t, &PostComment{TargetType: "point", Text: "x"}, "missing", "/target_id")
	g.refuses(t, &PostComment{TargetType: "path", TargetID: onHeap.ID, Text: "x"}, "unknown_target", "/target_id")
}

// sight is something that a comment can be about, and who sees it of anna, bo, cleo, mo and ada.
type sight struct {
	kind events.TargetType
	name string
	seen []person
}

func (s sight) target() events.Target { return events.Target{Type: s.kind, ID: idOf(s.name)} }

// by tells whether somebody sees it.
func (s sight) by(p person) bool { return slices.Contains(s.seen, p) }

// sights is a world and what may be commented on in it.
func sights() (history, []sight) {
	goal := func(name string, owner person, more ...events.Data) history {
		return on(events.StreamOf(events.KindGoal, idOf(name)), owner, more...)
	}
	world := told(pointNamed("heap"), published, archived, drafted(anna, "draft"), draftGoal,
		on(pathStream("given up"), anna, sorting, &events.PathArchived{From: events.PathStatusDraft}), annas(exam),
		goal("public", anna, &events.GoalCreated{Title: "学习", Visibility: events.Public}),
		goal("unread", bo, &events.GoalCreated{Visibility: events.Public}), // as its owner is forgotten
		goal("gone", anna, &events.GoalCreated{Title: "学习", Visibility: events.Public}, &events.GoalDeleted{}))
	everyone, owner := []person{anna, bo, cleo, mo, ada}, []person{anna}
	return world, []sight{
		{events.TargetPoint, "heap", everyone},
		{events.TargetPoint, "nowhere", nil},
		{events.TargetPath, "path", everyone},
		{events.TargetPath, "draft", owner},
		{events.TargetPath, "old", everyone}, // archived, and on offer before
		{events.TargetPath, "given up", owner},
		{events.TargetGoal, "public", everyone},
		{events.TargetGoal, "goal", owner},
		{events.TargetGoal, "gone", nil},
		{events.TargetGoal, "unread", nil},
		{events.TargetAssessment, "exam", []person{anna, cleo, mo, ada}},
	}
}

func TestCommentsOnWhatOneSees(t *testing.T) {
	t.Parallel()
	world, all := sights()
	for _, at := range all {
		post := &PostComment{TargetType: at.kind, TargetID: idOf(at.name), Text: "?"}
		for _, p := range []person{anna, bo, cleo, mo, ada} {
			if at.by(p) {
				given{p, world}.when(t, post, &events.CommentPosted{Target: at.target(), Text: "?"})
			} else {
				given{p, world}.refuses(t, post, "unknown_target", "/target_id")
			}
		}
	}
}

// A comment on what somebody cannot see does not exist for them, whatever they ask for. Its
// author and moderators find it, for they are shown it beside others of its author's.
func TestCommentsWhereOneDoesNotSee(t *testing.T) {
	t.Parallel()
	world, all := sights()
	dee := person{idOf("dee"), events.Learner}
	edit, del, hide := &EditComment{of("comment"), "!"}, &DeleteComment{of("comment")}, &HideComment{of("comment")}
	for _, at := range all {
		log := told(world, on(commentStream("comment"), dee, &events.CommentPosted{Target: at.target(), Text: "?"}))
		edited := &events.CommentEdited{From: events.CommentStatusVisible, Text: "!"}
		deleted := &events.CommentDeleted{From: events.CommentStatusVisible, Target: at.target()}
		hidden := &events.CommentHidden{From: events.CommentStatusVisible}
		given{dee, log}.when(t, edit, edited)
		given{dee, log}.when(t, del, deleted)
		given{dee, log}.refuses(t, hide, "forbidden")
		for _, p := range []person{mo, ada} {
			given{p, log}.refuses(t, edit, "forbidden")
			given{p, log}.when(t, del, deleted)
			given{p, log}.when(t, hide, hidden)
		}
		for _, p := range []person{anna, bo, cleo} {
			code := map[bool]string{true: "forbidden", false: "not_found"}[at.by(p)]
			for _, c := range []Command{edit, del, hide} {
				given{p, log}.refuses(t, c, code)
			}
		}
	}
}

// Each kind of thing that can be commented on is seen by somebody.
func TestEveryKindOfTargetIsSeen(t *testing.T) {
	t.Parallel()
	_, all := sights()
	for _, kind := range events.Values[events.TargetType]() {
		if !slices.ContainsFunc(all, func(s sight) bool { return s.kind == kind && len(s.seen) > 0 }) {
			t.Errorf("nobody sees a %s: discussable and sights do not know it", kind)
		}
	}
}

// In a rolling upgrade there may be comments on what only the newer release knows. Nothing of
// that is read, as it could not be.
func TestCommentsOnWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	c := comment{status: events.CommentStatusVisible, author: anna.id, target: events.Target{Type: "lesson", ID: idOf("heap")}}
	for _, p := range []person{anna, bo, mo} {
		g := Given{Actor: p.id, Role: p.role}
		if streams := c.context(g); streams != nil || c.visible(g) != (p != bo) {
			t.Errorf("%v: %v, %v", p, streams, c.visible(g))
		}
	}
}

func TestReply(t *testing.T) {
	t.Parallel()
	reply := func(to string) *PostComment {
		return &PostComment{TargetType: onHeap.Type, TargetID: onHeap.ID, Text: "同意", ReplyTo: new(idOf(to))}
	}
	world := told(pointNamed("tree"), said(),
		on(commentStream("elsewhere"), bo, &events.CommentPosted{Target: events.Target{Type: events.TargetPoint, ID: idOf("tree")}}))
	g := given{bo, world}
	o := g.when(t, reply("comment"), &events.CommentPosted{Target: onHeap, Text: "同意", ReplyTo: new(idOf("comment"))})
	same(t, o.Requires, []Reference{
		{Stream: onHeap.Stream(), Pointer: "/target_id", AsRead: true},
		{Stream: commentStream("comment"), Pointer: "/reply_to", AsRead: true},
	})
	g.refuses(t, reply("elsewhere"), "unknown_comment", "/reply_to")
	g.refuses(t, reply("nowhere"), "unknown_comment", "/reply_to")
	given{bo, said(&events.CommentDeleted{})}.refuses(t, reply("comment"), "unknown_comment", "/reply_to")
	given{mo, said(&events.CommentHidden{})}.refuses(t, reply("comment"), "unknown_comment", "/reply_to")
	given{bo, said(&events.CommentEdited{})}.when(t, reply("comment"),
		&events.CommentPosted{Target: onHeap, Text: "同意", ReplyTo: new(idOf("comment"))})
}

func TestEditComment(t *testing.T) {
	t.Parallel()
	edit := &EditComment{of("comment"), "更清楚"}
	g := given{anna, said()}
	g.when(t, edit, &events.CommentEdited{From: events.CommentStatusVisible, Text: "更清楚"})
	g.when(t, &EditComment{of("comment"), "清楚"})
	g.refuses(t, &EditComment{Of: of("comment")}, "blank", "/text")
	g.refuses(t, &EditComment{of("comment"), strings.Repeat("x", maxComment+1)}, "too_long", "/text")
	given{anna, said(&events.CommentEdited{Text: "a"})}.when(t, edit,
		&events.CommentEdited{From: events.CommentStatusEdited, Text: "更清楚"})
	given{anna, said(&events.CommentHidden{})}.refuses(t, edit, "comment_hidden")
	given{anna, said(&events.CommentDeleted{})}.refuses(t, edit, "not_found")
	for _, other := range []person{bo, cleo, mo, ada} {
		given{other, said()}.refuses(t, edit, "forbidden")
	}
	given{bo, said(&events.CommentHidden{})}.refuses(t, edit, "not_found")
	given{mo, said(&events.CommentHidden{})}.refuses(t, edit, "forbidden")
}

func TestDeleteComment(t *testing.T) {
	t.Parallel()
	del := &DeleteComment{of("comment")}
	for _, p := range []person{anna, mo, ada} {
		o := given{p, said()}.when(t, del, &events.CommentDeleted{From: events.CommentStatusVisible, Target: onHeap})
		same(t, o.Owner, anna.id)
		given{p, said(&events.CommentHidden{})}.when(t, del, &events.CommentDeleted{From: events.CommentStatusHidden, Target: onHeap})
		given{p, said(&events.CommentDeleted{})}.refuses(t, del, "not_found")
	}
	for _, p := range []person{bo, cleo} {
		given{p, said()}.refuses(t, del, "forbidden")
		given{p, said(&events.CommentHidden{})}.refuses(t, del, "not_found")
	}
}

func TestHideComment(t *testing.T) {
	t.Parallel()
	hide := &HideComment{of("comment")}
	given{mo, said()}.when(t, hide, &events.CommentHidden{From: events.CommentStatusVisible})
	given{ada, said(&events.CommentEdited{})}.when(t, hide, &events.CommentHidden{From: events.CommentStatusEdited})
	given{mo, said(&events.CommentHidden{})}.when(t, hide)
	given{mo, said(&events.CommentDeleted{})}.refuses(t, hide, "not_found")
	for _, p := range []person{anna, bo, cleo} {
		given{p, said()}.refuses(t, hide, "forbidden")
	}
}
