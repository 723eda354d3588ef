package events

// PathStatus is where a path stands.
type PathStatus string

// The statuses of a path.
const (
	PathStatusDraft     PathStatus = "draft"
	PathStatusPublished PathStatus = "published"
	PathStatusArchived  PathStatus = "archived"
)

// Values lists the statuses.
func (PathStatus) Values() []PathStatus {
	return []PathStatus{PathStatusDraft, PathStatusPublished, PathStatusArchived}
}

// PathCreated begins a path as its owner's draft; until it is published its
// title is theirs alone.
type PathCreated struct {
	Title       Personal `json:"title"`
	Description Personal `json:"description,omitempty"`
	Category    string   `json:"category,omitempty" outside:"-"`
	Points      []ID     `json:"points,omitempty"`
}

// PathDraftRevised changes a draft's words.
type PathDraftRevised struct {
	Title       *Personal       `json:"title,omitzero"`
	Description *Personal       `json:"description,omitzero"`
	Category    *Change[string] `json:"category,omitzero" outside:"-"`
}

// PathPublished offers a path to everyone. From here on its words are public
// and stand in the clear: they outlive their author's account.
type PathPublished struct {
	Title       string     `json:"title"`
	Description string     `json:"description,omitempty"`
	Category    string     `json:"category,omitempty"`
	From        PathStatus `json:"from"`
}

// PathRevised changes the public words of a published path.
type PathRevised struct {
	Title       *string         `json:"title,omitzero"`
	Description *string         `json:"description,omitzero"`
	Category    *Change[string] `json:"category,omitzero"`
}

// PathPointsSet replaces the path's knowledge points.
type PathPointsSet struct {
	Points Change[[]ID] `json:"points"`
}

// PathArchived takes a path off offer; goals that attach it keep it.
type PathArchived struct {
	From     PathStatus `json:"from"`
	Category string     `json:"category,omitempty" outside:"-"`
}

func (*PathCreated) fact()      {}
func (*PathDraftRevised) fact() {}
func (*PathPublished) fact()    {}
func (*PathRevised) fact()      {}
func (*PathPointsSet) fact()    {}
func (*PathArchived) fact()     {}

var (
	_ = define[PathCreated]("path.created", 1)
	_ = define[PathDraftRevised]("path.draft_revised", 1)
	_ = define[PathPublished]("path.published", 1)
	_ = define[PathRevised]("path.revised", 1)
	_ = define[PathPointsSet]("path.points_set", 1)
	_ = define[PathArchived]("path.archived", 1)
)
