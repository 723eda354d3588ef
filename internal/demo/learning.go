package demo

import (
	"strconv"
	"strings"
	"time"

	"sical-backend/command"
	"sical-backend/events"
)

// session is one sitting of a learner over one point.
type session struct {
	at      time.Duration
	point   events.ID
	minutes int
	learnt  bool // the point was learnt by its end
}

func (l session) end() time.Duration { return l.at + time.Duration(l.minutes)*time.Minute }

// sessions is what the learner does: point after point of their path, on the days
// of their habit, each point until its minutes are spent, until the goal stops or
// nothing is left.
func (l learner) sessions() (list []session) {
	left := subjectNamed(l.subject).points
	spent := 0
	for day := l.joined; day < days && len(left) > 0; day++ {
		at := moment(day, 10+len(l.username)%9, day*7%60)
		if l.stops != "" && at > l.stopping() {
			break
		}
		if l.stops == events.GoalStatusDraft || !strings.Contains(l.habit, strconv.Itoa(1+day%7)) {
			continue
		}
		spent += l.minutes
		sitting := session{at, pointID(left[0].key), l.minutes, spent >= left[0].minutes}
		list = append(list, sitting)
		if sitting.learnt {
			left, spent = left[1:], 0
		}
	}
	return list
}

// finished tells whether the sittings went through the learner's whole path.
func (l learner) finished(list []session) bool {
	points := 0
	for _, sitting := range list {
		if sitting.learnt {
			points++
		}
	}
	return points == len(subjectNamed(l.subject).points)
}

// study tells every sitting.
func (s *story) study() {
	kinds := []string{"reading", "exercises"}
	for _, l := range learners() {
		for i, sitting := range l.sessions() {
			s.tell(sitting.at, l.actor(), "study.record", &command.RecordStudy{
				Of: of(sitting.point), Amount: new(int64(sitting.minutes)), Kind: kinds[i%len(kinds)],
			})
			if sitting.learnt {
				s.tell(sitting.end(), l.actor(), "study.complete", &command.CompletePoint{Of: of(sitting.point)})
			}
		}
	}
}

func (l learner) goalID() events.ID { return id(moment(l.joined, 8, 0), "goal %s", l.username) }

// goals tells what everybody wants to reach, and what becomes of it. A goal is
// completed when its whole path is learnt.
func (s *story) goals() {
	for _, l := range learners() {
		visibility := events.Private
		if l.public {
			visibility = events.Public
		}
		goal, subject := of(l.goalID()), subjectNamed(l.subject)
		s.tell(moment(l.joined, 8, 0), l.actor(), "goal.create", &command.CreateGoal{
			Of: goal, Title: l.goal, Category: subject.category, Visibility: visibility,
			TargetDate: s.date(moment(days+14, 0, 0)), Paths: []events.ID{pathID(l.subject)},
		})
		if l.stops == events.GoalStatusDraft {
			continue
		}
		s.tell(moment(l.joined, 8, 5), l.actor(), "goal.start", &command.StartGoal{Of: goal})
		list := l.sessions()
		switch {
		case l.stops == events.GoalStatusPaused:
			s.tell(l.stopping(), l.actor(), "goal.pause", &command.PauseGoal{Of: goal})
		case l.stops == events.GoalStatusAbandoned:
			s.tell(l.stopping(), l.actor(), "goal.abandon", &command.AbandonGoal{Of: goal})
		case l.finished(list):
			s.tell(list[len(list)-1].end(), l.actor(), "goal.complete", &command.CompleteGoal{Of: goal})
		}
	}
	s.tell(rainyDay, rain().actor(), "goal.create", &command.CreateGoal{
		Of: of(id(rainyDay, "goal rainy weekend")), Title: "雨天不无聊", Paths: []events.ID{rainyPath()},
	})
}
