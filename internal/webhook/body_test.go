package webhook

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/reaction"
)

// What is not for others stands in no delivery, and what is everyone's does.
func TestWhatDeliveriesLeaveOut(t *testing.T) {
	t.Parallel()
	const canary = "https://example.org/qzcanary"
	for _, c := range []struct {
		data events.Data
		sent bool
		rest string // what is told all the same
	}{
		{&events.WebhookRegistered{URL: canary, EventTypes: []string{"goal.*"}}, false, `"event_types":["goal.*"]`},
		{&events.WebhookRevised{URL: new(canary), SecretChanged: true}, false, `"secret_changed":true`},
		{&events.PathCreated{Title: canary, Category: canary, Points: []events.ID{{1}}}, false, `"points":["01`},
		{&events.PathDraftRevised{Category: &events.Change[string]{To: canary}}, false, `"data":{}`},
		{&events.PathArchived{Category: canary}, false, `"from":`},
		{&events.PathRevised{Category: &events.Change[string]{To: canary}}, true, `"data":{`},
		{&events.GoalCreated{Category: canary, Visibility: events.Public}, false, `"visibility":"public"`},
		{&events.GoalRevised{Category: &events.Change[string]{From: canary}}, false, `"data":{}`},
		{&events.GoalDeleted{Category: canary}, false, `"from":`},
		{&events.Studied{Kind: canary, Amount: 30}, false, `"amount":30`},
		{&events.PathPublished{Title: "x", Category: canary}, true, `"from":`},
		{&events.PointCreated{Category: canary}, true, `"title":`},
	} {
		raw, err := events.Encode(c.data)
		require.NoError(t, err)
		kind := events.TypeOf(c.data)
		text, err := body(events.Event{Type: kind.Name, Schema: kind.Schema, Raw: raw}, events.ID{})
		require.NoError(t, err, kind.Name)
		require.Equal(t, c.sent, strings.Contains(string(text), "qzcanary"), "%s: %s", kind.Name, text)
		require.Contains(t, string(text), c.rest, kind.Name)
	}
}

// TestNewerEventsAreLeftToNewerPrograms: they are no fault of the event's.
func TestNewerEventsAreLeftToNewerPrograms(t *testing.T) {
	t.Parallel()
	for _, e := range []events.Event{{Type: "goal.dreamt", Schema: 1, Raw: []byte(`{}`)}, {Type: "goal.created", Schema: 99, Raw: []byte(`{}`)}} {
		_, err := body(e, events.ID{})
		require.ErrorIs(t, err, reaction.ErrUnknown, e.Type)
		require.NotErrorIs(t, err, reaction.ErrPoison, e.Type)
	}
}
