package events

// PointCreated adds a knowledge point to the curriculum.
type PointCreated struct {
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	Category    string `json:"category,omitempty"`
	Difficulty  int    `json:"difficulty_level"`           // 1 to 10
	Minutes     int    `json:"estimated_minutes,omitzero"` // 0 for unknown
}

// PointRevised changes a knowledge point; nil is unchanged.
type PointRevised struct {
	Title       *string         `json:"title,omitzero"`
	Description *string         `json:"description,omitzero"`
	Category    *Change[string] `json:"category,omitzero"`
	Difficulty  *Change[int]    `json:"difficulty_level,omitzero"`
	Minutes     *int            `json:"estimated_minutes,omitzero"`
}

// PrerequisitesSet replaces what should be learnt before a point. It stands in
// the Curriculum stream, not in the point's.
type PrerequisitesSet struct {
	Point         ID           `json:"point"`
	Prerequisites Change[[]ID] `json:"prerequisites"`
}

func (*PointCreated) fact()     {}
func (*PointRevised) fact()     {}
func (*PrerequisitesSet) fact() {}

var (
	_ = define[PointCreated]("point.created", 1)
	_ = define[PointRevised]("point.revised", 1)
	_ = define[PrerequisitesSet]("curriculum.prerequisites_set", 1)
)
