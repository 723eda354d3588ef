package command

import (
	"fmt"
	"slices"

	"sical-backend/events"
)

// The rules of a goal:
//  1. Only its owner changes it, not even an admin does; to others a private one
//     does not exist.
//  2. A draft is started or abandoned; an active one paused, completed or
//     abandoned; a paused one started, completed or abandoned; an ended one
//     reopened.
//  3. The paths it attaches are published, or its owner's own and not archived;
//     what it has, it keeps, whatever becomes of the path.
//  4. A deleted goal is gone, and so is that of somebody erased: no command finds
//     it.

// CreateGoal begins a goal of the actor's, as a draft.
type CreateGoal struct {
	Of
	Title       string            `json:"title" doc:"what is to be reached, one line" minlen:"1" maxlen:"200"`
	Description string            `json:"description,omitempty" doc:"more about it, any lines" maxlen:"10000"`
	Category    string            `json:"category,omitempty" doc:"subject, a short line" maxlen:"64"`
	TargetDate  *events.Date      `json:"target_date,omitzero" doc:"day to reach it by" format:"date"`
	Visibility  events.Visibility `json:"visibility,omitempty" doc:"who may read it; private by default"`
	Paths       []events.ID       `json:"paths,omitempty" doc:"paths to follow, in order"`
}

// ReviseGoal changes what a goal says of itself; absent fields stay, and an
// empty text, also of the target date, takes one away.
type ReviseGoal struct {
	Of
	Title       *string            `json:"title,omitzero" doc:"what is to be reached, one line" minlen:"1" maxlen:"200"`
	Description *string            `json:"description,omitzero" doc:"more about it, any lines" maxlen:"10000"`
	Category    *string            `json:"category,omitzero" doc:"subject, a short line" maxlen:"64"`
	TargetDate  *string            `json:"target_date,omitzero" doc:"day to reach it by, YYYY-MM-DD, or empty for none" maxlen:"10"`
	Visibility  *events.Visibility `json:"visibility,omitzero" doc:"who may read it"`
}

// SetGoalPaths replaces the goal's paths, in order.
type SetGoalPaths struct {
	Of
	Paths []events.ID `json:"paths" doc:"paths to follow, in order"`
}

// StartGoal makes a draft or paused goal active.
type StartGoal struct{ Of }

// PauseGoal sets an active goal aside.
type PauseGoal struct{ Of }

// CompleteGoal says that the goal is reached.
type CompleteGoal struct{ Of }

// AbandonGoal gives the goal up.
type AbandonGoal struct{ Of }

// ReopenGoal makes a completed or abandoned goal active again.
type ReopenGoal struct{ Of }

// DeleteGoal ends the goal's history.
type DeleteGoal struct{ Of }

// goal is what deciding about a goal needs to know.
type goal struct {
	owner       events.ID
	status      events.GoalStatus // "" before its creation and after its end
	title       string
	description string
	category    string
	target      *events.Date
	visibility  events.Visibility
	paths       []events.ID
}

var goals = Aggregate[goal]{events.KindGoal, evolveGoal}

var goalRules = []Rule{
	creating(rule(goals, "create", Authenticated, createGoal)),
	rule(goals, "revise", Owner, reviseGoal),
	rule(goals, "set_paths", Owner, setGoalPaths),
	moveGoal[StartGoal]("start", func(from events.GoalStatus) events.Data { return &events.GoalStarted{From: from} },
		events.GoalStatusActive, events.GoalStatusDraft, events.GoalStatusPaused),
	moveGoal[PauseGoal]("pause", func(from events.GoalStatus) events.Data { return &events.GoalPaused{From: from} },
		events.GoalStatusPaused, events.GoalStatusActive),
	moveGoal[CompleteGoal]("complete", func(from events.GoalStatus) events.Data { return &events.GoalCompleted{From: from} },
		events.GoalStatusCompleted, events.GoalStatusActive, events.GoalStatusPaused),
	moveGoal[AbandonGoal]("abandon", func(from events.GoalStatus) events.Data { return &events.GoalAbandoned{From: from} },
		events.GoalStatusAbandoned, events.GoalStatusDraft, events.GoalStatusActive, events.GoalStatusPaused),
	moveGoal[ReopenGoal]("reopen", func(from events.GoalStatus) events.Data { return &events.GoalReopened{From: from} },
		events.GoalStatusActive, events.GoalStatusCompleted, events.GoalStatusAbandoned),
	rule(goals, "delete", Owner, deleteGoal),
}

func evolveGoal(s goal, e events.Event) goal {
	switch d := e.Data.(type) {
	case *events.GoalCreated:
		return goal{e.Owner, events.GoalStatusDraft, string(d.Title), string(d.Description), d.Category, d.TargetDate, d.Visibility, d.Paths}
	case *events.GoalRevised:
		s.title = string(or(d.Title, events.Personal(s.title)))
		s.description = string(or(d.Description, events.Personal(s.description)))
		s.category = after(s.category, d.Category)
		s.target = after(s.target, d.TargetDate)
		s.visibility = after(s.visibility, d.Visibility)
	case *events.GoalPathsSet:
		s.paths = d.Paths.To
	case *events.GoalStarted, *events.GoalReopened:
		s.status = events.GoalStatusActive
	case *events.GoalPaused:
		s.status = events.GoalStatusPaused
	case *events.GoalCompleted:
		s.status = events.GoalStatusCompleted
	case *events.GoalAbandoned:
		s.status = events.GoalStatusAbandoned
	case *events.GoalDeleted:
		return goal{}
	}
	return s
}

// there tells whether there is such a goal: one whose owner is forgotten, whose title
// nobody can read, is gone with them.
func (s goal) there() bool { return s.status != "" && s.title != "" }

// of refuses a goal that is not there or not the actor's.
func (s goal) of(g Given) error {
	switch {
	case !s.there() || s.owner != g.Actor && s.visibility == events.Private:
		return notFound(events.KindGoal)
	case s.owner != g.Actor:
		return forbidden("Only its owner changes a goal.")
	}
	return nil
}

func createGoal(s goal, c *CreateGoal, g Given) (Outcome, error) {
	if err := g.somebody("A goal is somebody's: say in whose name it is created."); err != nil {
		return Outcome{}, err
	}
	readers := c.Visibility
	if readers == "" {
		readers = events.Private
	}
	err := first(
		title("/title", c.Title),
		text("/description", c.Description, maxDescription),
		line("/category", c.Category, maxCategory),
		dated("/target_date", c.TargetDate),
		oneOf("/visibility", readers),
	)
	if err != nil {
		return Outcome{}, err
	}
	live, err := s.attachable(c.Paths, g)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Owner: g.Actor, Requires: live, Events: []events.Data{&events.GoalCreated{
		Title:       events.Personal(c.Title),
		Description: events.Personal(c.Description),
		Category:    c.Category,
		TargetDate:  c.TargetDate,
		Visibility:  readers,
		Paths:       c.Paths,
	}}}, nil
}

func reviseGoal(s goal, c *ReviseGoal, g Given) (Outcome, error) {
	if err := s.of(g); err != nil {
		return Outcome{}, err
	}
	target, err := dateOr(s.target, "/target_date", c.TargetDate)
	err = first(err,
		ifSet(c.Title, func(v string) error { return title("/title", v) }),
		ifSet(c.Description, func(v string) error { return text("/description", v, maxDescription) }),
		ifSet(c.Category, func(v string) error { return line("/category", v, maxCategory) }),
		ifSet(c.Visibility, func(v events.Visibility) error { return oneOf("/visibility", v) }),
	)
	if err != nil {
		return Outcome{}, err
	}
	d := events.GoalRevised{
		Title:       (*events.Personal)(differing(s.title, c.Title)),
		Description: (*events.Personal)(differing(s.description, c.Description)),
		Category:    change(s.category, c.Category),
		Visibility:  change(s.visibility, c.Visibility),
	}
	if !sameDate(s.target, target) {
		d.TargetDate = &events.Change[*events.Date]{From: s.target, To: target}
	}
	if d == (events.GoalRevised{}) {
		return Outcome{}, nil
	}
	return Outcome{Owner: s.owner, Events: []events.Data{&d}}, nil
}

func setGoalPaths(s goal, c *SetGoalPaths, g Given) (Outcome, error) {
	if err := s.of(g); err != nil {
		return Outcome{}, err
	}
	if c.Paths == nil {
		return Outcome{}, missing("/paths")
	}
	if slices.Equal(s.paths, c.Paths) {
		return Outcome{}, nil
	}
	live, err := s.attachable(c.Paths, g)
	if err != nil {
		return Outcome{}, err
	}
	change := events.Change[[]events.ID]{From: s.paths, To: c.Paths}
	return Outcome{Owner: s.owner, Requires: live, Events: []events.Data{&events.GoalPathsSet{Paths: change}}}, nil
}

// moveGoal is the rule of a change of status: into to, from one of the allowed ones.
func moveGoal[C any, P interface {
	*C
	Command
}](action string, event func(events.GoalStatus) events.Data, to events.GoalStatus, allowed ...events.GoalStatus) Rule {
	decide := func(s goal, _ P, g Given) (Outcome, error) {
		if err := s.of(g); err != nil {
			return Outcome{}, err
		}
		if s.status == to {
			return Outcome{}, nil
		}
		if !slices.Contains(allowed, s.status) {
			return Outcome{}, broken(goalIs(s.status), "", "A goal that is %s cannot become %s this way.", s.status, to)
		}
		return Outcome{Owner: s.owner, Events: []events.Data{event(s.status)}}, nil
	}
	return provided(moved(to, allowed), rule[goal, C, P](goals, action, Owner, decide))
}

// goalIs is the code by which a command is refused that a goal of this status is not for.
func goalIs(status events.GoalStatus) string { return "goal_" + string(status) }

// moved says from where a goal comes to a status, and what becomes of it elsewhere.
func moved(to events.GoalStatus, allowed []events.GoalStatus) string {
	var from, refused []string
	for _, status := range to.Values() {
		switch {
		case slices.Contains(allowed, status):
			from = append(from, string(status))
		case status != to:
			refused = append(refused, "`"+goalIs(status)+"`")
		}
	}
	return fmt.Sprintf("From %s to %s. A goal that is %[2]s already stays as it is; any other is refused: 422, %[3]s.", either(from), to, either(refused))
}

func deleteGoal(s goal, _ *DeleteGoal, g Given) (Outcome, error) {
	if err := s.of(g); err != nil {
		return Outcome{}, err
	}
	return Outcome{Owner: s.owner, Events: []events.Data{&events.GoalDeleted{
		From: s.status, Category: s.category, Visibility: s.visibility, Paths: s.paths,
	}}}, nil
}

// attachable checks the paths that the goal is to attach, and names those that are new to
// it: they must be so still when it does.
func (s goal) attachable(paths []events.ID, g Given) ([]Reference, error) {
	if err := distinct("/paths", paths); err != nil {
		return nil, err
	}
	var live []Reference
	for i, id := range paths {
		if slices.Contains(s.paths, id) {
			continue
		}
		stream := events.StreamOf(events.KindPath, id)
		pointer := fmt.Sprintf("/paths/%d", i)
		p := seen[path](g, stream)
		if p.status != events.PathStatusPublished && (p.owner != g.Actor || p.status != events.PathStatusDraft) {
			return nil, broken("unknown_path", pointer, "There is no such path to attach.")
		}
		live = append(live, Reference{Stream: stream, Pointer: pointer, AsRead: true})
	}
	return live, nil
}

// Reads names the paths to attach.
func (c *CreateGoal) Reads(Given) []events.Stream { return events.StreamsOf(events.KindPath, c.Paths) }

// Reads names the paths to attach.
func (c *SetGoalPaths) Reads(Given) []events.Stream {
	return events.StreamsOf(events.KindPath, c.Paths)
}
