package projections

import (
	"time"

	"sical-backend/events"
)

// CommentRow is a comment in its thread. Text is sealed with the author's key.
// A deleted comment keeps its place, without text.
type CommentRow struct {
	ID        events.ID            `json:"id"`
	Version   int                  `json:"version"`
	Author    events.ID            `json:"author_id"`
	Target    events.Target        `json:"target"`
	ReplyTo   *events.ID           `json:"reply_to,omitempty"`
	Text      events.Personal      `json:"text,omitempty"`
	Status    events.CommentStatus `json:"status"`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
}

// Comment answers: the comments on a target in the order of the conversation;
// an author's comments, newest first.
var Comment = model[CommentRow]{
	name: "comment", version: 2, keys: []string{"id"},
	columns: []Column{
		idColumn("author_id", func(r *CommentRow) events.ID { return r.Author }),
		textColumn("target_type", func(r *CommentRow) string { return string(r.Target.Type) }),
		idColumn("target_id", func(r *CommentRow) events.ID { return r.Target.ID }),
		timeColumn("created_at", func(r *CommentRow) time.Time { return r.CreatedAt }),
	},
	indexes: []string{
		"on {table} (target_id, target_type, created_at, id)",
		"on {table} (author_id, created_at desc, id desc)",
	},
	events: []string{
		events.NameOf[events.CommentPosted](), events.NameOf[events.CommentEdited](),
		events.NameOf[events.CommentHidden](), events.NameOf[events.CommentDeleted](),
	},
	touches: ownStream(events.KindComment),
	fold:    foldComment,
	totals:  commentTotals,
	groups:  func(r *CommentRow) []string { return []string{CommentsOn(r.Target), CommentsOf(r.Author)} },
}.view()

// CommentsOn is the group of the comments on a target.
func CommentsOn(t events.Target) string { return "comments/on/" + string(t.Stream()) }

// CommentsOf is the group of an author's comments.
func CommentsOf(author events.ID) string { return named("comments/of/", author) }

// OnTarget is the scope of the comments on a target.
func OnTarget(t events.Target) string { return "on/" + string(t.Stream()) }

func foldComment(r *CommentRow, e events.Event) bool {
	r.Version, r.UpdatedAt = e.Version, e.OccurredAt
	switch d := e.Data.(type) {
	case *events.CommentPosted:
		*r = CommentRow{
			ID: e.Stream.ID(), Version: e.Version, Author: e.Owner, Target: d.Target, ReplyTo: d.ReplyTo,
			Text: d.Text, Status: events.CommentStatusVisible, CreatedAt: e.OccurredAt, UpdatedAt: e.OccurredAt,
		}
	case *events.CommentEdited:
		r.Status, r.Text = events.CommentStatusEdited, d.Text
	case *events.CommentHidden:
		r.Status = events.CommentStatusHidden
	case *events.CommentDeleted:
		r.Status, r.Text = events.CommentStatusDeleted, ""
	}
	return true
}

func commentTotals(r *CommentRow) []Total {
	return []Total{
		{Daily(Created, events.DateOf(r.CreatedAt)), 1},
		{Count(Everyone, string(r.Status), ""), 1},
		{Count(OnTarget(r.Target), "", ""), 1},
		{Count(OfUser(r.Author), "", ""), 1},
	}
}
