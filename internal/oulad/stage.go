package oulad

import (
	"iter"
	"time"

	"sical-backend/command"
	"sical-backend/events"
)

// Line is one command and the line of data it comes from.
type Line struct {
	Place
	ID      events.ID // the command's idempotency id
	Type    string    // the command's name, such as "goal.create"
	As      events.ID // the user whose hand it is; zero: the importer's own
	At      time.Time // when it happened
	Command command.Command
}

// Stage is one kind of thing in the data. A stage relies on the ones before it.
type Stage struct {
	Name string
	Most int // how many commands it gives at most, for a progress bar
	// Lines gives the stage's commands, in the same order every time. It is
	// ranged over once: a second time would count into the report again. An
	// error is its last element: a file that cannot be read on.
	Lines iter.Seq2[Line, error]
}

// Stages reads the folder's small tables and gives the stages in the order in
// which to run them; the two big tables are read while ranging. What becomes of
// each line is told to report. It fails where a file is missing, lacks a column
// or cannot be read.
func Stages(dir string, report *Report) ([]Stage, error) {
	s, err := load(dir, report)
	if err != nil {
		return nil, err
	}
	handedIn, err := countLines(dir, s.files[studentAssessment])
	if err != nil {
		return nil, err
	}
	clicks, err := countLines(dir, s.files[studentVle])
	if err != nil {
		return nil, err
	}
	return []Stage{
		{"users", len(s.students), s.users},
		{"points", len(s.pages), s.points},
		{"paths", 2 * len(s.ordered), s.paths},
		{"goals", 3 * len(s.enrolments), s.goals},
		{"assessments", 3 * handedIn, s.submissions},
		{"study", clicks, s.study},
	}, nil
}

// give yields commands in turn and tells whether more are wanted.
func give(yield func(Line, error) bool, lines ...Line) bool {
	for _, l := range lines {
		if !yield(l, nil) {
			return false
		}
	}
	return true
}
