package events

// CommentStatus is where a comment stands.
type CommentStatus string

// The statuses of a comment.
const (
	CommentVisible CommentStatus = "visible"
	CommentEdited  CommentStatus = "edited"
	CommentHidden  CommentStatus = "hidden"
	CommentDeleted CommentStatus = "deleted"
)

// Target is what a comment is about: a goal, a path, a point or an assessment.
type Target struct {
	Type Kind `json:"target_type"`
	ID   ID   `json:"target_id"`
}

// Stream is the history of the target.
func (t Target) Stream() Stream { return StreamOf(t.Type, t.ID) }

// CommentPosted begins a comment.
type CommentPosted struct {
	Target  Target   `json:"target"`
	Text    Personal `json:"text"`
	ReplyTo *ID      `json:"reply_to,omitzero"`
}

// CommentWasEdited replaces the text.
type CommentWasEdited struct {
	From CommentStatus `json:"from"`
	Text Personal      `json:"text"`
}

// CommentWasHidden takes a comment from view, by a moderator.
type CommentWasHidden struct {
	From CommentStatus `json:"from"`
}

// CommentWasDeleted ends a comment; its place in the thread stays.
type CommentWasDeleted struct {
	From   CommentStatus `json:"from"`
	Target Target        `json:"target"`
}

func (*CommentPosted) fact()     {}
func (*CommentWasEdited) fact()  {}
func (*CommentWasHidden) fact()  {}
func (*CommentWasDeleted) fact() {}

var (
	_ = define[CommentPosted]("comment.posted", 1)
	_ = define[CommentWasEdited]("comment.edited", 1)
	_ = define[CommentWasHidden]("comment.hidden", 1)
	_ = defineFinal[CommentWasDeleted]("comment.deleted", 1)
)
