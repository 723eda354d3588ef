package oulad

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
)

// book decides commands in memory, without the log's own checks.
type book struct {
	importer events.ID
	now      time.Time
	states   map[events.Stream]any
	facts    map[string]int // by the event's stored name
}

func (b *book) decide(l Line) error {
	given := command.Given{Actor: l.As, Role: events.Learner, At: l.At, Now: b.now}
	if l.As == (events.ID{}) {
		given.Actor, given.Role = b.importer, events.Admin
	}
	if reader, ok := l.Command.(command.Reader); ok {
		read := map[events.Stream]any{}
		for _, s := range reader.Reads(given) {
			read[s] = b.states[s]
		}
		given = given.With(read)
	}
	rule, known := command.RuleNamed(l.Type)
	if !known {
		return &command.Refusal{Code: "unknown_command", Detail: l.Type}
	}
	stream := rule.Stream(l.Command, given)
	outcome, err := rule.Decide(b.states[stream], l.Command, given)
	if err != nil {
		return err
	}
	for _, d := range outcome.Events {
		b.facts[events.TypeOf(d).Name]++
		if !rule.Unchecked {
			b.states[stream] = rule.Evolve(b.states[stream], events.Event{Stream: stream, Owner: outcome.Owner, Data: d, OccurredAt: l.At})
		}
	}
	return nil
}

// decideAll wants every command accepted and every one to change something.
func decideAll(t *testing.T, dir string) map[string]int {
	t.Helper()
	b := book{
		importer: derived(epoch, "importer"),
		now:      time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC),
		states:   map[events.Stream]any{},
		facts:    map[string]int{},
	}
	stages, err := Stages(dir, &Report{})
	require.NoError(t, err)
	commands, facts := 0, 0
	for _, s := range stages {
		for l, err := range s.Lines {
			require.NoError(t, err)
			if err := b.decide(l); err != nil {
				t.Fatalf("%s:%d %s: %v", l.File, l.Number, l.Type, err)
			}
			commands++
		}
	}
	for _, n := range b.facts {
		facts += n
	}
	require.Equal(t, commands, facts)
	return b.facts
}

func TestTheDecidersTakeEveryCommand(t *testing.T) {
	t.Parallel()
	facts := decideAll(t, filepath.Join("testdata", "small"))
	require.Equal(t, 2, facts["goal.completed"])
	require.Equal(t, 3, facts["goal.abandoned"])
	require.Equal(t, 3, facts["assessment.graded"])
}

func TestTheDecidersTakeEveryCommandOfTheRealData(t *testing.T) {
	t.Parallel()
	facts := decideAll(t, realData(t))
	require.Equal(t, 15_385, facts["goal.completed"])
	require.Equal(t, 17_208, facts["goal.abandoned"])
	require.Equal(t, 173_739, facts["assessment.graded"])
	require.Equal(t, 1_048_575, facts["study.studied"])
}
