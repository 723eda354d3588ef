package events

// GoalStatus is where a goal stands.
type GoalStatus string

// The statuses of a goal.
const (
	GoalStatusDraft     GoalStatus = "draft"
	GoalStatusActive    GoalStatus = "active"
	GoalStatusPaused    GoalStatus = "paused"
	GoalStatusCompleted GoalStatus = "completed"
	GoalStatusAbandoned GoalStatus = "abandoned"
)

// Values lists the statuses.
func (GoalStatus) Values() []GoalStatus {
	return []GoalStatus{GoalStatusDraft, GoalStatusActive, GoalStatusPaused, GoalStatusCompleted, GoalStatusAbandoned}
}

// Visibility says who may read a goal.
type Visibility string

// The visibilities.
const (
	Private Visibility = "private"
	Public  Visibility = "public"
)

// Values lists the visibilities.
func (Visibility) Values() []Visibility {
	return []Visibility{Private, Public}
}

// GoalCreated begins a goal, as a draft.
type GoalCreated struct {
	Title       Personal   `json:"title"`
	Description Personal   `json:"description,omitempty"`
	Category    string     `json:"category,omitempty" outside:"-"`
	TargetDate  *Date      `json:"target_date,omitzero"`
	Visibility  Visibility `json:"visibility"`
	Paths       []ID       `json:"paths,omitempty"`
}

// GoalRevised changes a goal's description of itself; nil is unchanged.
type GoalRevised struct {
	Title       *Personal           `json:"title,omitzero"`
	Description *Personal           `json:"description,omitzero"`
	Category    *Change[string]     `json:"category,omitzero" outside:"-"`
	TargetDate  *Change[*Date]      `json:"target_date,omitzero"`
	Visibility  *Change[Visibility] `json:"visibility,omitzero"`
}

// GoalStarted makes a draft or paused goal active.
type GoalStarted struct {
	From GoalStatus `json:"from"`
}

// GoalPaused sets an active goal aside.
type GoalPaused struct {
	From GoalStatus `json:"from"`
}

// GoalCompleted says that the learner has reached it.
type GoalCompleted struct {
	From GoalStatus `json:"from"`
}

// GoalAbandoned says that the learner has given it up.
type GoalAbandoned struct {
	From GoalStatus `json:"from"`
}

// GoalReopened makes a completed or abandoned goal active again.
type GoalReopened struct {
	From GoalStatus `json:"from"`
}

// GoalPathsSet replaces the goal's paths.
type GoalPathsSet struct {
	Paths Change[[]ID] `json:"paths"`
}

// GoalDeleted ends a goal.
type GoalDeleted struct {
	From       GoalStatus `json:"from"`
	Category   string     `json:"category,omitempty" outside:"-"`
	Visibility Visibility `json:"visibility"`
	Paths      []ID       `json:"paths,omitempty"`
}

func (*GoalCreated) fact()   {}
func (*GoalRevised) fact()   {}
func (*GoalStarted) fact()   {}
func (*GoalPaused) fact()    {}
func (*GoalCompleted) fact() {}
func (*GoalAbandoned) fact() {}
func (*GoalReopened) fact()  {}
func (*GoalPathsSet) fact()  {}
func (*GoalDeleted) fact()   {}

var (
	_ = define[GoalCreated]("goal.created", 1)
	_ = define[GoalRevised]("goal.revised", 1)
	_ = define[GoalStarted]("goal.started", 1)
	_ = define[GoalPaused]("goal.paused", 1)
	_ = define[GoalCompleted]("goal.completed", 1)
	_ = define[GoalAbandoned]("goal.abandoned", 1)
	_ = define[GoalReopened]("goal.reopened", 1)
	_ = define[GoalPathsSet]("goal.paths_set", 1)
	_ = defineFinal[GoalDeleted]("goal.deleted", 1)
)
