package events

// Studied says that a learner worked on a point. Amount is in the unit of its
// kind: minutes read, clicks, exercises.
type Studied struct {
	Point  ID     `json:"point"`
	Amount int64  `json:"amount"`
	Kind   string `json:"kind,omitempty" outside:"-"`
}

// PointLearnt says that a learner has completed a point; it counts in every
// path, and the first time counts.
type PointLearnt struct {
	Point ID `json:"point"`
}

func (*Studied) fact()     {}
func (*PointLearnt) fact() {}

var (
	_ = define[Studied]("study.studied", 1)
	_ = define[PointLearnt]("study.point_completed", 1)
)
