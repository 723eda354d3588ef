package projections

import (
	"strings"

	"pgregory.net/rapid"

	"sical-backend/events"
)

var (
	texts      = rapid.SampledFrom([]string{"", "algebra", "数学", "a\x1fb", "汉字 & 词汇"})
	categories = rapid.SampledFrom([]string{"", "maths", "数学"})
	scores     = rapid.Int64Range(0, 100_00)
)

func personal(t *rapid.T) events.Personal { return events.Personal(texts.Draw(t, "text")) }

func ids(t *rapid.T) []events.ID {
	var list []events.ID
	for _, n := range rapid.SliceOfN(rapid.IntRange(1, 3), 0, 3).Draw(t, "ids") {
		list = append(list, id(n))
	}
	return list
}

func kindOf(d events.Data) events.Kind {
	kind, _, _ := strings.Cut(events.TypeOf(d).Name, ".")
	return events.Kind(kind)
}

// beginning draws the first event of a kind of stream, nil for those that begin
// with any.
func beginning(k events.Kind) func(*rapid.T) events.Data {
	switch k {
	case events.KindUser:
		return func(t *rapid.T) events.Data {
			return &events.UserRegistered{Username: personal(t), Role: events.Learner}
		}
	case events.KindGoal:
		return func(t *rapid.T) events.Data {
			return &events.GoalCreated{
				Title: personal(t), Category: categories.Draw(t, "category"), Paths: ids(t),
				Visibility: rapid.SampledFrom([]events.Visibility{events.Private, events.Public}).Draw(t, "visibility"),
			}
		}
	case events.KindPath:
		return func(t *rapid.T) events.Data {
			return &events.PathCreated{Title: personal(t), Category: categories.Draw(t, "category"), Points: ids(t)}
		}
	case events.KindPoint:
		return func(t *rapid.T) events.Data {
			return &events.PointCreated{Category: categories.Draw(t, "category"), Difficulty: rapid.IntRange(1, 10).Draw(t, "level")}
		}
	case events.KindAssessment:
		return func(t *rapid.T) events.Data {
			return &events.AssessmentScheduled{
				Type:     rapid.SampledFrom([]events.AssessmentType{events.Quiz, events.Exam}).Draw(t, "type"),
				MaxScore: events.Hundredths(scores.Draw(t, "maximum")),
			}
		}
	case events.KindWebhook:
		return func(*rapid.T) events.Data {
			return &events.WebhookRegistered{URL: "https://example.org/", EventTypes: []string{"*"}}
		}
	case events.KindComment:
		return func(t *rapid.T) events.Data {
			target := events.Target{Type: events.TargetGoal, ID: id(rapid.IntRange(1, 2).Draw(t, "target"))}
			return &events.CommentPosted{Target: target, Text: personal(t)}
		}
	}
	return nil
}

// drawFact draws any fact but the beginnings.
func drawFact(t *rapid.T) events.Data {
	text := personal(t)
	category := &events.Change[string]{To: categories.Draw(t, "category")}
	switch rapid.IntRange(0, 30).Draw(t, "fact") {
	case 0:
		return &events.UserRevised{DisplayName: &text}
	case 1:
		return &events.UserRoleChanged{Role: events.Change[events.Role]{To: events.Curator}}
	case 2:
		return &events.UserSuspended{}
	case 3:
		return &events.UserReactivated{}
	case 4:
		return &events.UserErased{Role: events.Learner}
	case 5:
		to := rapid.SampledFrom([]events.Visibility{events.Private, events.Public}).Draw(t, "visibility")
		return &events.GoalRevised{Category: category, Visibility: &events.Change[events.Visibility]{To: to}}
	case 6:
		return &events.GoalStarted{}
	case 7:
		return &events.GoalPaused{}
	case 8:
		return &events.GoalCompleted{}
	case 9:
		return &events.GoalAbandoned{}
	case 10:
		return &events.GoalReopened{}
	case 11:
		return &events.GoalPathsSet{Paths: events.Change[[]events.ID]{To: ids(t)}}
	case 12:
		return &events.GoalDeleted{}
	case 13:
		return &events.PathDraftRevised{Title: &text, Category: category}
	case 14:
		return &events.PathPublished{Title: string(text), Category: category.To}
	case 15:
		return &events.PathRevised{Category: category}
	case 16:
		return &events.PathPointsSet{Points: events.Change[[]events.ID]{To: ids(t)}}
	case 17:
		return &events.PathArchived{}
	case 18:
		return &events.PointRevised{Category: category, Difficulty: &events.Change[int]{To: rapid.IntRange(1, 10).Draw(t, "level")}}
	case 19:
		return &events.PrerequisitesSet{Point: id(1), Prerequisites: events.Change[[]events.ID]{To: ids(t)}}
	case 20:
		return &events.Studied{Point: id(rapid.IntRange(1, 2).Draw(t, "point")), Amount: rapid.Int64Range(0, 1_000_000).Draw(t, "amount")}
	case 21:
		return &events.PointLearnt{Point: id(rapid.IntRange(1, 2).Draw(t, "point"))}
	case 22:
		return &events.AssessmentSubmitted{Points: ids(t)}
	case 23:
		graded := &events.AssessmentGraded{Score: events.Hundredths(scores.Draw(t, "score"))}
		if rapid.Bool().Draw(t, "first") {
			graded.From, graded.Points = events.AssessmentStatusScheduled, ids(t)
		}
		return graded
	case 24:
		return &events.AssessmentVoided{}
	case 25:
		return &events.CommentEdited{Text: text}
	case 26:
		return &events.WebhookRevised{URL: new(string(text)), EventTypes: []string{"goal.*"}}
	case 27:
		return &events.WebhookDisabled{Reason: string(text)}
	case 28:
		return &events.WebhookEnabled{}
	case 29:
		return &events.WebhookDeleted{}
	}
	return rapid.SampledFrom([]events.Data{&events.CommentHidden{}, &events.CommentDeleted{}}).Draw(t, "end")
}
