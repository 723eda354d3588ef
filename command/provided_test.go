package command

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"testing"

	"sical-backend/events"
)

// everyState is a thing of anna's in each of its states, as the samples name it.
func everyState() map[events.Kind][]history {
	path := func(facts ...events.Data) history {
		return on(pathStream("path"), anna, append([]events.Data{sorting}, facts...)...)
	}
	goal := func(facts ...events.Data) history { return told(published, goalAfter(facts...)) }
	return map[events.Kind][]history{
		events.KindUser: {account(anna), account(anna, &events.UserSuspended{})},
		events.KindGoal: {goal(), goal(&events.GoalStarted{}), goal(&events.GoalPaused{}), goal(&events.GoalCompleted{}), goal(&events.GoalAbandoned{})},
		events.KindPath: {path(), path(offered), path(&events.PathArchived{}), path(offered, &events.PathArchived{})},
		events.KindAssessment: {annas(exam), annas(exam, &events.AssessmentSubmitted{}), annas(exam, &events.AssessmentGraded{Score: 50_00}),
			annas(exam, &events.AssessmentVoided{})},
		events.KindComment: {said(), said(&events.CommentEdited{Text: "y"}), said(&events.CommentHidden{})},
		events.KindWebhook: {hooked(), hooked(&events.WebhookDisabled{})},
	}
}

// A command's words name the codes by which states refuse it to somebody who may everything,
// all of them and no others.
func TestProvidedNamesTheRefusals(t *testing.T) {
	t.Parallel()
	for c, log := range samples() {
		r := ruleOf(c)
		if r.Creates {
			continue
		}
		want := map[string]bool{}
		for _, state := range append(everyState()[r.Kind], log) {
			_, err := given{person{anna.id, events.Admin}, state}.decide(c)
			if refusal := (&Refusal{}); errors.As(err, &refusal) {
				want[refusal.Code] = true
			}
		}
		got := map[string]bool{}
		for _, code := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(r.Provided, -1) {
			got[code[1]] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s is refused with %v, and says %q", r.Name, slices.Sorted(maps.Keys(want)), r.Provided)
		}
	}
}
