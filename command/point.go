package command

import "sical-backend/events"

// The rules of a knowledge point:
//  1. Only a curator adds and revises points; they belong to nobody, and outlive
//     the account that added them. A point is never deleted.
//  2. It is of difficulty 1 to 10, 5 where nobody says.
//  3. Those it is added with as prerequisites follow the curriculum's rules.

const (
	easiest, hardest   = 1, 10
	ordinaryDifficulty = 5
	maxMinutes         = 100_000
)

// CreatePoint adds a knowledge point to the curriculum.
type CreatePoint struct {
	Of
	Title         string      `json:"title" doc:"what is to be known, one line" minlen:"1" maxlen:"200"`
	Description   string      `json:"description,omitempty" doc:"more about it, any lines" maxlen:"10000"`
	Category      string      `json:"category,omitempty" doc:"subject, a short line" maxlen:"64"`
	Difficulty    *int        `json:"difficulty_level,omitzero" doc:"from easy to hard; 5 by default" min:"1" max:"10"`
	Minutes       *int        `json:"estimated_minutes,omitzero" doc:"minutes it takes to learn; 0, the default, for unknown" min:"0" max:"100000"`
	Prerequisites []events.ID `json:"prerequisites,omitempty" doc:"points to learn before"`
}

// RevisePoint changes a knowledge point; absent fields stay.
type RevisePoint struct {
	Of
	Title       *string `json:"title,omitzero" doc:"what is to be known, one line" minlen:"1" maxlen:"200"`
	Description *string `json:"description,omitzero" doc:"more about it, any lines" maxlen:"10000"`
	Category    *string `json:"category,omitzero" doc:"subject, a short line" maxlen:"64"`
	Difficulty  *int    `json:"difficulty_level,omitzero" doc:"from easy to hard" min:"1" max:"10"`
	Minutes     *int    `json:"estimated_minutes,omitzero" doc:"minutes it takes to learn; 0 for unknown" min:"0" max:"100000"`
}

// point is what deciding about a knowledge point needs to know.
type point struct {
	exists      bool
	title       string
	description string
	category    string
	difficulty  int
	minutes     int
}

var points = Aggregate[point]{events.KindPoint, evolvePoint}

var pointRules = []Rule{
	creating(rule(points, "create", Curators, createPoint)),
	rule(points, "revise", Curators, revisePoint),
}

func evolvePoint(s point, e events.Event) point {
	switch d := e.Data.(type) {
	case *events.PointCreated:
		return point{true, d.Title, d.Description, d.Category, d.Difficulty, d.Minutes}
	case *events.PointRevised:
		s.title = or(d.Title, s.title)
		s.description = or(d.Description, s.description)
		s.category = after(s.category, d.Category)
		s.difficulty = after(s.difficulty, d.Difficulty)
		s.minutes = or(d.Minutes, s.minutes)
	}
	return s
}

func createPoint(_ point, c *CreatePoint, g Given) (Outcome, error) {
	difficulty, minutes := or(c.Difficulty, ordinaryDifficulty), or(c.Minutes, 0)
	err := first(
		curates(g),
		title("/title", c.Title),
		text("/description", c.Description, maxDescription),
		line("/category", c.Category, maxCategory),
		within("/difficulty_level", difficulty, easiest, hardest),
		within("/estimated_minutes", minutes, 0, maxMinutes),
	)
	if err != nil {
		return Outcome{}, err
	}
	created := Outcome{Events: []events.Data{&events.PointCreated{
		Title:       c.Title,
		Description: c.Description,
		Category:    c.Category,
		Difficulty:  difficulty,
		Minutes:     minutes,
	}}}
	if len(c.Prerequisites) == 0 {
		return created, nil
	}
	set, err := seen[curriculum](g, events.Curriculum).set(c.ID, c.Prerequisites)
	if err != nil {
		return Outcome{}, err
	}
	created.Also = []Elsewhere{{Stream: events.Curriculum, Data: set}}
	created.Requires = living(events.KindPoint, "/prerequisites", c.Prerequisites)
	return created, nil
}

func revisePoint(s point, c *RevisePoint, g Given) (Outcome, error) {
	if !s.exists {
		return Outcome{}, notFound(events.KindPoint)
	}
	err := first(
		curates(g),
		ifSet(c.Title, func(v string) error { return title("/title", v) }),
		ifSet(c.Description, func(v string) error { return text("/description", v, maxDescription) }),
		ifSet(c.Category, func(v string) error { return line("/category", v, maxCategory) }),
		ifSet(c.Difficulty, func(v int) error { return within("/difficulty_level", v, easiest, hardest) }),
		ifSet(c.Minutes, func(v int) error { return within("/estimated_minutes", v, 0, maxMinutes) }),
	)
	if err != nil {
		return Outcome{}, err
	}
	d := events.PointRevised{
		Title:       differing(s.title, c.Title),
		Description: differing(s.description, c.Description),
		Category:    change(s.category, c.Category),
		Difficulty:  change(s.difficulty, c.Difficulty),
		Minutes:     differing(s.minutes, c.Minutes),
	}
	if d == (events.PointRevised{}) {
		return Outcome{}, nil
	}
	return Outcome{Events: []events.Data{&d}}, nil
}

// curates refuses an actor who is no curator.
func curates(g Given) error {
	if !g.may(events.Curator) {
		return forbidden("Only a curator changes the curriculum.")
	}
	return nil
}

// Reads names the curriculum where the point has prerequisites.
func (c *CreatePoint) Reads(Given) []events.Stream {
	if len(c.Prerequisites) == 0 {
		return nil
	}
	return []events.Stream{events.Curriculum}
}
