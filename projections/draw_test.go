package projections

import (
	"reflect"
	"slices"

	"pgregory.net/rapid"

	"sical-backend/events"
	"sical-backend/internal/testkit/fill"
)

var (
	texts      = rapid.SampledFrom([]string{"", "algebra", "数学", "a\x1fb", "汉字 & 词汇"})
	categories = rapid.SampledFrom([]string{"", "maths", "数学"}) // and other plain text
)

// beginnings are the first events of the kinds of stream that begin with one only.
var beginnings = map[events.Kind]reflect.Type{
	events.KindUser:       reflect.TypeFor[events.UserRegistered](),
	events.KindGoal:       reflect.TypeFor[events.GoalCreated](),
	events.KindPath:       reflect.TypeFor[events.PathCreated](),
	events.KindPoint:      reflect.TypeFor[events.PointCreated](),
	events.KindAssessment: reflect.TypeFor[events.AssessmentScheduled](),
	events.KindComment:    reflect.TypeFor[events.CommentPosted](),
	events.KindWebhook:    reflect.TypeFor[events.WebhookRegistered](),
}

// later are the types of all other events that are still written.
var later = slices.DeleteFunc(events.Types(), func(t *events.Type) bool {
	return t.Old() || beginnings[t.Kind()] == t.GoType()
})

// drawFact draws a fact of a type: few ids, days and words, so that they meet.
func drawFact(t *rapid.T, of reflect.Type) events.Data {
	d := reflect.New(of)
	below := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "below") }
	fill.Value(d.Elem(), below, func(v reflect.Value, name string) bool {
		switch {
		case fill.Listed(v, below):
		case v.Type() == reflect.TypeFor[events.ID]():
			v.Set(reflect.ValueOf(id(rapid.IntRange(1, 3).Draw(t, name))))
		case v.Type() == reflect.TypeFor[events.Personal]():
			v.SetString(texts.Draw(t, name))
		case v.Kind() == reflect.String:
			v.SetString(categories.Draw(t, name))
		case v.CanInt():
			v.SetInt(rapid.Int64Range(0, 100_00).Draw(t, name))
		default:
			return false
		}
		return true
	})
	return d.Interface().(events.Data)
}
