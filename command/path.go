package command

import (
	"slices"

	"sical-backend/events"
)

// The rules of a path:
//  1. Anyone creates one, as their own draft. Until it is first published it
//     exists for its owner alone, as its words are theirs: not even an admin
//     finds it.
//  2. A curator publishes their own draft, unless they are erased meanwhile, and
//     anyone's path again that was published before.
//  3. Once published it is everyone's: any curator revises, fills and archives
//     it, its author only as a curator.
//  4. A draft's owner archives it, which is how one is given up.
//  5. An archived path is not changed.
//  6. Its points exist.

// CreatePath begins a path of the actor's, as a draft.
type CreatePath struct {
	Of
	Title       string      `json:"title" doc:"name of the path, one line" minlen:"1" maxlen:"200"`
	Description string      `json:"description,omitempty" doc:"more about it, any lines" maxlen:"10000"`
	Category    string      `json:"category,omitempty" doc:"subject, a short line" maxlen:"64"`
	Points      []events.ID `json:"points,omitempty" doc:"knowledge points, in order"`
}

// RevisePath changes a path's words; absent fields stay.
type RevisePath struct {
	Of
	Title       *string `json:"title,omitzero" doc:"name of the path, one line" minlen:"1" maxlen:"200"`
	Description *string `json:"description,omitzero" doc:"more about it, any lines" maxlen:"10000"`
	Category    *string `json:"category,omitzero" doc:"subject, a short line" maxlen:"64"`
}

// PublishPath offers a path to everyone.
type PublishPath struct{ Of }

// ArchivePath takes a path off offer.
type ArchivePath struct{ Of }

// SetPathPoints replaces the path's knowledge points, in order.
type SetPathPoints struct {
	Of
	Points []events.ID `json:"points" doc:"knowledge points, in order"`
}

// path is what deciding about a path needs to know.
type path struct {
	owner       events.ID
	status      events.PathStatus // "" before its creation
	public      bool              // was published once
	title       string
	description string
	category    string
	points      []events.ID
}

var paths = Aggregate[path]{events.KindPath, evolvePath}

var pathRules = []Rule{
	creating(rule(paths, "create", Authenticated, createPath)),
	provided(unarchived, rule(paths, "revise", OwnerThenCurators, revisePath)),
	rule(paths, "publish", OwnThenCurators, publishPath),
	rule(paths, "archive", OwnerThenCurators, archivePath),
	provided(unarchived, rule(paths, "set_points", OwnerThenCurators, setPathPoints)),
}

const unarchived = "An archived path is refused: 422, `path_archived`."

func evolvePath(s path, e events.Event) path {
	switch d := e.Data.(type) {
	case *events.PathCreated:
		return path{e.Owner, events.PathStatusDraft, false, string(d.Title), string(d.Description), d.Category, d.Points}
	case *events.PathDraftRevised:
		s.title = string(or(d.Title, events.Personal(s.title)))
		s.description = string(or(d.Description, events.Personal(s.description)))
		s.category = after(s.category, d.Category)
	case *events.PathRevised:
		s.title = or(d.Title, s.title)
		s.description = or(d.Description, s.description)
		s.category = after(s.category, d.Category)
	case *events.PathPublished:
		s.status, s.public = events.PathStatusPublished, true
		s.title, s.description, s.category = d.Title, d.Description, d.Category
	case *events.PathPointsSet:
		s.points = d.Points.To
	case *events.PathArchived:
		s.status = events.PathStatusArchived
	}
	return s
}

// of refuses a path that the actor does not find or may not change.
func (s path) of(g Given) error {
	switch {
	case !s.public && s.owner != g.Actor, s.status == "":
		return notFound(events.KindPath)
	case s.public && !g.may(events.Curator):
		return forbidden("Only a curator changes a path that was published.")
	}
	return nil
}

// open refuses a path that the actor may not change, or that is archived.
func (s path) open(g Given) error {
	if err := s.of(g); err != nil {
		return err
	}
	if s.status == events.PathStatusArchived {
		return broken("path_archived", "", "An archived path is not changed.")
	}
	return nil
}

func createPath(_ path, c *CreatePath, g Given) (Outcome, error) {
	err := first(
		title("/title", c.Title),
		text("/description", c.Description, maxDescription),
		line("/category", c.Category, maxCategory),
		distinct("/points", c.Points),
	)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Owner: g.Actor, Requires: living(events.KindPoint, "/points", c.Points), Events: []events.Data{&events.PathCreated{
		Title:       events.Personal(c.Title),
		Description: events.Personal(c.Description),
		Category:    c.Category,
		Points:      c.Points,
	}}}, nil
}

func revisePath(s path, c *RevisePath, g Given) (Outcome, error) {
	err := first(
		s.open(g),
		ifSet(c.Title, func(v string) error { return title("/title", v) }),
		ifSet(c.Description, func(v string) error { return text("/description", v, maxDescription) }),
		ifSet(c.Category, func(v string) error { return line("/category", v, maxCategory) }),
	)
	if err != nil {
		return Outcome{}, err
	}
	d := events.PathRevised{
		Title:       differing(s.title, c.Title),
		Description: differing(s.description, c.Description),
		Category:    change(s.category, c.Category),
	}
	switch {
	case d == (events.PathRevised{}):
		return Outcome{}, nil
	case s.public:
		return Outcome{Owner: s.owner, Events: []events.Data{&d}}, nil
	}
	return Outcome{Owner: s.owner, Events: []events.Data{&events.PathDraftRevised{
		Title:       (*events.Personal)(d.Title),
		Description: (*events.Personal)(d.Description),
		Category:    d.Category,
	}}}, nil
}

func publishPath(s path, _ *PublishPath, g Given) (Outcome, error) {
	if err := s.of(g); err != nil {
		return Outcome{}, err
	}
	if !g.may(events.Curator) {
		return Outcome{}, forbidden("Only a curator publishes a path.")
	}
	if s.status == events.PathStatusPublished {
		return Outcome{}, nil
	}
	if s.title == "" { // as the owner's key is gone
		return Outcome{}, broken("blank", "", "A path whose title cannot be read is not published.")
	}
	return Outcome{Owner: s.owner, Requires: s.author(), Events: []events.Data{&events.PathPublished{
		Title: s.title, Description: s.description, Category: s.category, From: s.status,
	}}}, nil
}

// author is who must not be erased before the words of a draft are written in the
// clear; nobody once they stand there.
func (s path) author() []Reference {
	if s.public || s.owner == (events.ID{}) {
		return nil
	}
	return []Reference{{Stream: events.StreamOf(events.KindUser, s.owner)}}
}

func archivePath(s path, _ *ArchivePath, g Given) (Outcome, error) {
	if err := s.of(g); err != nil {
		return Outcome{}, err
	}
	if s.status == events.PathStatusArchived {
		return Outcome{}, nil
	}
	return Outcome{Owner: s.owner, Events: []events.Data{&events.PathArchived{From: s.status, Category: s.category}}}, nil
}

func setPathPoints(s path, c *SetPathPoints, g Given) (Outcome, error) {
	if err := first(s.open(g), distinct("/points", c.Points)); err != nil {
		return Outcome{}, err
	}
	if c.Points == nil {
		return Outcome{}, missing("/points")
	}
	if slices.Equal(s.points, c.Points) {
		return Outcome{}, nil
	}
	return Outcome{
		Owner:    s.owner,
		Requires: living(events.KindPoint, "/points", c.Points),
		Events:   []events.Data{&events.PathPointsSet{Points: events.Change[[]events.ID]{From: s.points, To: c.Points}}},
	}, nil
}
