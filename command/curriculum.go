package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sical-backend/events"
)

// The rules of the curriculum, the prerequisites of all knowledge points:
//  1. Only a curator changes it.
//  2. The points it connects exist.
//  3. No point is a prerequisite of itself, not by way of others either: a
//     refusal names the circle.
//  4. No prerequisite stands twice.

// SetPrerequisites replaces what should be learnt before a point.
type SetPrerequisites struct {
	Of
	Prerequisites []events.ID `json:"prerequisites" doc:"points to learn before"`
}

// curriculum is the prerequisites of every point that has some, in shards by
// the id's last byte: the next state shares all shards but one with the last,
// which stays as it was for whoever still holds it.
type curriculum [256]map[events.ID][]events.ID

var curricula = Aggregate[curriculum]{events.KindCurriculum, evolveCurriculum}

var curriculumRules = []Rule{
	about(events.KindPoint, named("point.set_prerequisites", rule(curricula, "set_prerequisites", Curators, setPrerequisites))),
}

func evolveCurriculum(s curriculum, e events.Event) curriculum {
	d, ok := e.Data.(*events.PrerequisitesSet)
	if !ok {
		return s
	}
	last := len(d.Point) - 1
	shard := maps.Clone(s[d.Point[last]])
	if shard == nil {
		shard = map[events.ID][]events.ID{}
	}
	shard[d.Point] = d.Prerequisites.To
	s[d.Point[last]] = shard
	return s
}

// of is the prerequisites of a point.
func (s *curriculum) of(point events.ID) []events.ID { return s[point[len(point)-1]][point] }

func setPrerequisites(s curriculum, c *SetPrerequisites, g Given) (Outcome, error) {
	target := events.StreamOf(events.KindPoint, c.ID)
	if !seen[point](g, target).exists {
		return Outcome{}, notFound(events.KindPoint)
	}
	if err := curates(g); err != nil {
		return Outcome{}, err
	}
	if c.Prerequisites == nil {
		return Outcome{}, missing("/prerequisites")
	}
	if slices.Equal(s.of(c.ID), c.Prerequisites) {
		return Outcome{}, nil
	}
	set, err := s.set(c.ID, c.Prerequisites)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Requires: living(events.KindPoint, "/prerequisites", c.Prerequisites),
		Events:   []events.Data{set},
	}, nil
}

// set replaces the prerequisites of a point, unless that closes a circle.
func (s curriculum) set(point events.ID, prerequisites []events.ID) (*events.PrerequisitesSet, error) {
	if err := distinct("/prerequisites", prerequisites); err != nil {
		return nil, err
	}
	known := map[events.ID]bool{}
	for i, p := range prerequisites {
		pointer := fmt.Sprintf("/prerequisites/%d", i)
		if p == point {
			return nil, broken("self_prerequisite", pointer, "A point cannot be its own prerequisite.")
		}
		if way := s.way(p, point, known); way != nil {
			way = append(way, point)
			slices.Reverse(way)
			return nil, broken("prerequisite_cycle", pointer, "These points would each have to be learnt before the other: %s.", circle(way))
		}
	}
	return &events.PrerequisitesSet{
		Point:         point,
		Prerequisites: events.Change[[]events.ID]{From: s.of(point), To: prerequisites},
	}, nil
}

// way is a chain of prerequisites that leads from one point to another, last
// point first; nil where there is none. Points in known do not lead there.
func (s *curriculum) way(from, to events.ID, known map[events.ID]bool) []events.ID {
	if from == to {
		return []events.ID{to}
	}
	if known[from] {
		return nil
	}
	known[from] = true
	for _, p := range s.of(from) {
		if rest := s.way(p, to, known); rest != nil {
			return append(rest, from)
		}
	}
	return nil
}

// circle writes a chain of points, the middle of a long one left out.
func circle(ids []events.ID) string {
	const ends = 5
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	if len(names) > 2*ends+1 {
		left := fmt.Sprintf("(%d more)", len(names)-2*ends)
		names = slices.Concat(names[:ends], []string{left}, names[len(names)-ends:])
	}
	return strings.Join(names, " needs ")
}

// Stream is the curriculum's, which serialises the check against circles.
func (*SetPrerequisites) Stream(Given) events.Stream { return events.Curriculum }

// Reads names the point whose prerequisites are set.
func (c *SetPrerequisites) Reads(Given) []events.Stream {
	return []events.Stream{events.StreamOf(events.KindPoint, c.ID)}
}
