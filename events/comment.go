package events

// CommentStatus is where a comment stands.
type CommentStatus string

// The statuses of a comment.
const (
	CommentStatusVisible CommentStatus = "visible"
	CommentStatusEdited  CommentStatus = "edited"
	CommentStatusHidden  CommentStatus = "hidden"
	CommentStatusDeleted CommentStatus = "deleted"
)

// Values lists the statuses.
func (CommentStatus) Values() []CommentStatus {
	return []CommentStatus{CommentStatusVisible, CommentStatusEdited, CommentStatusHidden, CommentStatusDeleted}
}

// TargetType is the kind of thing that a comment is about.
type TargetType Kind

// The types of target.
const (
	TargetGoal       TargetType = "goal"
	TargetPath       TargetType = "path"
	TargetPoint      TargetType = "point"
	TargetAssessment TargetType = "assessment"
)

// Values lists the types.
func (TargetType) Values() []TargetType {
	return []TargetType{TargetGoal, TargetPath, TargetPoint, TargetAssessment}
}

// Target is what a comment is about.
type Target struct {
	Type TargetType `json:"target_type"`
	ID   ID         `json:"target_id"`
}

// Stream is the history of the target.
func (t Target) Stream() Stream { return StreamOf(Kind(t.Type), t.ID) }

// CommentPosted begins a comment.
type CommentPosted struct {
	Target  Target   `json:"target"`
	Text    Personal `json:"text"`
	ReplyTo *ID      `json:"reply_to,omitzero"`
}

// CommentEdited replaces the text.
type CommentEdited struct {
	From CommentStatus `json:"from"`
	Text Personal      `json:"text"`
}

// CommentHidden takes a comment from view, by a moderator.
type CommentHidden struct {
	From CommentStatus `json:"from"`
}

// CommentDeleted ends a comment; its place in the thread stays.
type CommentDeleted struct {
	From   CommentStatus `json:"from"`
	Target Target        `json:"target"`
}

func (*CommentPosted) fact()  {}
func (*CommentEdited) fact()  {}
func (*CommentHidden) fact()  {}
func (*CommentDeleted) fact() {}

var (
	_ = define[CommentPosted]("comment.posted", 1)
	_ = define[CommentEdited]("comment.edited", 1)
	_ = define[CommentHidden]("comment.hidden", 1)
	_ = defineFinal[CommentDeleted]("comment.deleted", 1)
)
