package command

import "sical-backend/events"

// The rules of study:
//  1. It is the actor's own, who is there, on a point that exists.
//  2. Every record counts, also one that equals another: the stream is not read.
//  3. A point may be said to be completed again; readers count the first time.

const maxAmount = 1_000_000

// RecordStudy says that the actor worked on the point with the given id.
type RecordStudy struct {
	Of
	Timed
	Amount *int64 `json:"amount,omitzero" doc:"how much, in the unit of its kind: minutes, clicks, exercises; 1 by default" min:"0" max:"1000000"`
	Kind   string `json:"kind,omitempty" doc:"what sort of work, a short line such as reading" maxlen:"64"`
}

// CompletePoint says that the actor has learnt the point with the given id.
type CompletePoint struct {
	Of
	Timed
}

// study has no state: nothing about it depends on what came before.
type study struct{}

var studies = Aggregate[study]{events.KindStudy, func(s study, _ events.Event) study { return s }}

var studyRules = []Rule{
	about(events.KindPoint, unchecked(rule(studies, "record", Authenticated, recordStudy))),
	about(events.KindPoint, unchecked(rule(studies, "complete", Authenticated, completePoint))),
}

const whoStudies = "Study is somebody's: say in whose name it is recorded."

func recordStudy(_ study, c *RecordStudy, g Given) (Outcome, error) {
	amount := or(c.Amount, 1)
	err := first(
		g.somebody(whoStudies),
		within("/amount", amount, 0, maxAmount),
		line("/kind", c.Kind, maxStudyKind),
	)
	if err != nil {
		return Outcome{}, err
	}
	return studied(c.ID, &events.Studied{Point: c.ID, Amount: amount, Kind: c.Kind}, g), nil
}

func completePoint(_ study, c *CompletePoint, g Given) (Outcome, error) {
	if err := g.somebody(whoStudies); err != nil {
		return Outcome{}, err
	}
	return studied(c.ID, &events.PointLearnt{Point: c.ID}, g), nil
}

func studied(point events.ID, d events.Data, g Given) Outcome {
	return Outcome{
		Owner:    g.Actor,
		Requires: []Reference{{Stream: events.StreamOf(events.KindPoint, point)}, {Stream: events.StreamOf(events.KindUser, g.Actor)}},
		Events:   []events.Data{d},
	}
}

// Stream is the actor's own history of study.
func (*RecordStudy) Stream(g Given) events.Stream { return events.StreamOf(events.KindStudy, g.Actor) }

// Stream is the actor's own history of study.
func (*CompletePoint) Stream(g Given) events.Stream {
	return events.StreamOf(events.KindStudy, g.Actor)
}
