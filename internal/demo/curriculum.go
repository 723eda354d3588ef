package demo

import (
	"strings"

	"sical-backend/command"
	"sical-backend/events"
)

// subject is a field of knowledge and the path through it.
type subject struct {
	key, title, about, category string
	points                      []point // in the order to learn them
}

// point is a knowledge point.
type point struct {
	key, title, about string
	level, minutes    int
	needs             string // keys of the points to learn before
}

// opened is when the curriculum was set up.
var opened = moment(0, 7, 45)

func pointID(key string) events.ID { return id(opened, "point %s", key) }
func pathID(key string) events.ID  { return id(opened, "path %s", key) }

func (p point) prerequisites() (list []events.ID) {
	for key := range strings.FieldsSeq(p.needs) {
		list = append(list, pointID(key))
	}
	return list
}

func (s subject) pointIDs() (list []events.ID) {
	for _, p := range s.points {
		list = append(list, pointID(p.key))
	}
	return list
}

func subjects() []subject { return []subject{graphs(), gophers(), dynasties(), kitchen()} }

func subjectNamed(key string) subject {
	for _, s := range subjects() {
		if s.key == key {
			return s
		}
	}
	return subject{}
}

// rainyDay is when one learner made a path of her own.
var rainyDay = moment(12, 19, 0)

func rain() person         { return named("demo-小雨") }
func rainyPath() events.ID { return id(rainyDay, "path rainy weekend") }

// points adds the curriculum, prerequisites before what needs them.
func (s *story) points() {
	for _, subject := range subjects() {
		for _, p := range subject.points {
			s.tell(opened, curator(), "point.create", &command.CreatePoint{
				Of: of(pointID(p.key)), Title: p.title, Description: p.about, Category: subject.category,
				Difficulty: new(p.level), Minutes: new(p.minutes), Prerequisites: p.prerequisites(),
			})
		}
	}
}

// paths offers a path through each subject. Beside them stand a learner's own
// draft and a path that was given up.
func (s *story) paths() {
	for _, subject := range subjects() {
		path := of(pathID(subject.key))
		s.tell(opened, curator(), "path.create", &command.CreatePath{
			Of: path, Title: subject.title, Description: subject.about, Category: subject.category, Points: subject.pointIDs(),
		})
		s.tell(opened, curator(), "path.publish", &command.PublishPath{Of: path})
	}
	old := of(pathID("old graphs"))
	s.tell(opened, curator(), "path.create", &command.CreatePath{
		Of: old, Title: "Graph theory, last year's order", Category: "mathematics", Points: graphs().pointIDs()[:5],
	})
	s.tell(opened, curator(), "path.publish", &command.PublishPath{Of: old})
	s.tell(moment(1, 9, 0), curator(), "path.archive", &command.ArchivePath{Of: old})
	s.tell(rainyDay, rain().actor(), "path.create", &command.CreatePath{
		Of: of(rainyPath()), Title: "雨天的周末", Description: "下雨就不出门：读一点历史，做一顿好饭。",
		Points: []events.ID{pointID("tang"), pointID("rice"), pointID("mapo")},
	})
}
