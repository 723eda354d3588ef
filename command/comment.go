package command

import (
	"slices"

	"sical-backend/events"
)

// The rules of a comment:
//  1. It is about a goal, path, point or assessment that its author can see and
//     that is there: a path that is archived is, to all who saw it before.
//  2. It answers a comment only on the same thing, one that is neither hidden
//     nor deleted.
//  3. Its author edits it, unless it is hidden.
//  4. Its author or a moderator deletes it. A deleted comment is gone: no
//     command finds it.
//  5. A moderator hides it; then it exists for its author and moderators alone.
//  6. To others it exists where they see what it is about.

// PostComment says something about a target.
type PostComment struct {
	Of
	TargetType events.TargetType `json:"target_type" doc:"kind of thing it is about"`
	TargetID   events.ID         `json:"target_id" doc:"thing it is about"`
	Text       string            `json:"text" doc:"what is said, any lines" minlen:"1" maxlen:"10000"`
	ReplyTo    *events.ID        `json:"reply_to,omitzero" doc:"comment on the same thing that it answers"`
}

// EditComment replaces a comment's text.
type EditComment struct {
	Of
	Text string `json:"text" doc:"what is said, any lines" minlen:"1" maxlen:"10000"`
}

// DeleteComment ends a comment.
type DeleteComment struct{ Of }

// HideComment takes a comment from view.
type HideComment struct{ Of }

// comment is what deciding about a comment needs to know.
type comment struct {
	author events.ID
	status events.CommentStatus // "" before it is posted and after its end
	target events.Target
	text   string
}

var comments = Aggregate[comment]{events.KindComment, evolveComment}

var commentRules = []Rule{
	provided("About what one can see; about anything else it is refused: 422, `unknown_target`.", creating(rule(comments, "post", Authenticated, postComment))),
	provided("A hidden comment is refused: 422, `comment_hidden`.", further(comment.context, rule(comments, "edit", Author, editComment))),
	further(comment.context, rule(comments, "delete", AuthorOrModerator, deleteComment)),
	further(comment.context, rule(comments, "hide", Moderators, hideComment)),
}

func evolveComment(s comment, e events.Event) comment {
	switch d := e.Data.(type) {
	case *events.CommentPosted:
		return comment{e.Owner, events.CommentStatusVisible, d.Target, string(d.Text)}
	case *events.CommentEdited:
		s.status, s.text = events.CommentStatusEdited, string(d.Text)
	case *events.CommentHidden:
		s.status = events.CommentStatusHidden
	case *events.CommentDeleted:
		return comment{}
	}
	return s
}

// shown tells whether the comment exists for the actor wherever it stands: all of a person's
// comments are shown to themself and to moderators.
func (s comment) shown(g Given) bool { return s.author == g.Actor || g.may(events.Moderator) }

// visible tells whether the comment exists for the actor.
func (s comment) visible(g Given) bool {
	switch s.status {
	case "":
		return false
	case events.CommentStatusHidden:
		return s.shown(g)
	}
	return s.shown(g) || discussable(s.target, g)
}

// context names what the comment is about, where that decides whether the actor sees it.
func (s comment) context(g Given) []events.Stream {
	if s.status == "" || s.shown(g) || !slices.Contains(s.target.Type.Values(), s.target.Type) {
		return nil // in a rolling upgrade, what only the newer release knows is nothing to the older one
	}
	return []events.Stream{s.target.Stream()}
}

func postComment(_ comment, c *PostComment, g Given) (Outcome, error) {
	err := first(
		g.somebody("A comment is somebody's: say in whose name it is posted."),
		oneOf("/target_type", c.TargetType),
		remark("/text", c.Text),
	)
	if err != nil {
		return Outcome{}, err
	}
	if c.TargetID == (events.ID{}) {
		return Outcome{}, missing("/target_id")
	}
	target := events.Target{Type: c.TargetType, ID: c.TargetID}
	if !discussable(target, g) {
		return Outcome{}, broken("unknown_target", "/target_id", "There is no such %s.", target.Type)
	}
	live := []Reference{{Stream: target.Stream(), Pointer: "/target_id", AsRead: true}}
	if c.ReplyTo != nil {
		stream := events.StreamOf(events.KindComment, *c.ReplyTo)
		answered := seen[comment](g, stream)
		if answered.target != target || answered.status == events.CommentStatusHidden {
			return Outcome{}, broken("unknown_comment", "/reply_to", "There is no such comment on this %s to answer.", target.Type)
		}
		live = append(live, Reference{Stream: stream, Pointer: "/reply_to", AsRead: true})
	}
	posted := &events.CommentPosted{Target: target, Text: events.Personal(c.Text), ReplyTo: c.ReplyTo}
	return Outcome{Owner: g.Actor, Requires: live, Events: []events.Data{posted}}, nil
}

// discussable tells whether the actor can see the target.
func discussable(t events.Target, g Given) bool {
	switch t.Type {
	case events.TargetGoal:
		s := seen[goal](g, t.Stream())
		return s.there() && (s.visibility == events.Public || s.owner == g.Actor)
	case events.TargetPath:
		s := seen[path](g, t.Stream())
		return s.public || s.status != "" && s.owner == g.Actor
	case events.TargetPoint:
		return seen[point](g, t.Stream()).exists
	case events.TargetAssessment:
		return seen[assessment](g, t.Stream()).visible(g)
	}
	return false
}

func editComment(s comment, c *EditComment, g Given) (Outcome, error) {
	switch {
	case !s.visible(g):
		return Outcome{}, notFound(events.KindComment)
	case s.author != g.Actor:
		return Outcome{}, forbidden("Only its author edits a comment.")
	case s.status == events.CommentStatusHidden:
		return Outcome{}, broken("comment_hidden", "", "A hidden comment is not edited.")
	}
	if err := remark("/text", c.Text); err != nil {
		return Outcome{}, err
	}
	if s.text == c.Text {
		return Outcome{}, nil
	}
	return Outcome{Owner: s.author, Events: []events.Data{&events.CommentEdited{From: s.status, Text: events.Personal(c.Text)}}}, nil
}

func deleteComment(s comment, _ *DeleteComment, g Given) (Outcome, error) {
	switch {
	case !s.visible(g):
		return Outcome{}, notFound(events.KindComment)
	case s.author != g.Actor && !g.may(events.Moderator):
		return Outcome{}, forbidden("Only its author or a moderator deletes a comment.")
	}
	return Outcome{Owner: s.author, Events: []events.Data{&events.CommentDeleted{From: s.status, Target: s.target}}}, nil
}

func hideComment(s comment, _ *HideComment, g Given) (Outcome, error) {
	switch {
	case !s.visible(g):
		return Outcome{}, notFound(events.KindComment)
	case !g.may(events.Moderator):
		return Outcome{}, forbidden("Only a moderator hides a comment.")
	case s.status == events.CommentStatusHidden:
		return Outcome{}, nil
	}
	return Outcome{Owner: s.author, Events: []events.Data{&events.CommentHidden{From: s.status}}}, nil
}

// Reads names what the comment is about and what it answers.
func (c *PostComment) Reads(Given) []events.Stream {
	var streams []events.Stream
	if slices.Contains(c.TargetType.Values(), c.TargetType) {
		streams = append(streams, events.Target{Type: c.TargetType, ID: c.TargetID}.Stream())
	}
	if c.ReplyTo != nil {
		streams = append(streams, events.StreamOf(events.KindComment, *c.ReplyTo))
	}
	return streams
}
