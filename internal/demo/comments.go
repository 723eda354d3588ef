package demo

import (
	"time"

	"sical-backend/command"
	"sical-backend/events"
)

// remark is a comment, what it became, and what was answered.
type remark struct {
	by      string
	day     int
	text    string
	edited  string // the text it was given later
	hidden  bool   // by the moderator
	deleted bool   // by its author
	replies []remark
}

// thread is what is said about one thing.
type thread struct {
	about   events.Target
	remarks []remark
}

func aboutPath(subject string) events.Target {
	return events.Target{Type: events.TargetPath, ID: pathID(subject)}
}

func aboutPoint(key string) events.Target {
	return events.Target{Type: events.TargetPoint, ID: pointID(key)}
}

func aboutGoal(username string) events.Target {
	return events.Target{Type: events.TargetGoal, ID: learnerNamed(username).goalID()}
}

func aboutAssessment(username string, kind events.AssessmentType) events.Target {
	return events.Target{Type: events.TargetAssessment, ID: learnerNamed(username).assessmentID(kind)}
}

func learnerNamed(username string) learner {
	for _, l := range learners() {
		if l.username == username {
			return l
		}
	}
	return learner{}
}

// untilReply is how long an answer takes, and untilEdit a second thought.
const (
	untilReply = 3 * time.Hour
	untilEdit  = 20 * time.Minute
)

// comments tells every thread.
func (s *story) comments() {
	for _, t := range threads() {
		for _, r := range t.remarks {
			s.remark(t.about, nil, moment(r.day, 20, 0), r)
		}
	}
}

// remark tells a comment and what followed on it. Its own end comes last: what is
// hidden or deleted is answered no more.
func (s *story) remark(about events.Target, answers *events.ID, at time.Duration, r remark) {
	author := named(r.by).actor()
	comment := id(at, "comment %s %s", r.by, r.text)
	s.tell(at, author, "comment.post", &command.PostComment{
		Of: of(comment), TargetType: about.Type, TargetID: about.ID, Text: r.text, ReplyTo: answers,
	})
	if r.edited != "" {
		s.tell(at+untilEdit, author, "comment.edit", &command.EditComment{Of: of(comment), Text: r.edited})
	}
	for i, reply := range r.replies {
		s.remark(about, &comment, at+time.Duration(i+1)*untilReply, reply)
	}
	after := at + time.Duration(len(r.replies)+1)*untilReply
	switch {
	case r.hidden:
		s.tell(after, moderator(), "comment.hide", &command.HideComment{Of: of(comment)})
	case r.deleted:
		s.tell(after, author, "comment.delete", &command.DeleteComment{Of: of(comment)})
	}
}
