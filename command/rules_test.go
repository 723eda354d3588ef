package command

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"sical-backend/events"
)

// roles says of every command what becomes of it when it is about something of
// anna's, from: nobody, anna, another learner, a curator, a moderator, an admin.
const roles = `
	user.register              ok        ok        ok        ok        ok        ok
	user.revise                forbidden ok        forbidden forbidden forbidden ok
	user.change_password       forbidden ok        forbidden forbidden forbidden forbidden
	user.set_role              forbidden forbidden forbidden forbidden forbidden ok
	user.suspend               forbidden forbidden forbidden forbidden ok        ok
	user.reactivate            forbidden forbidden forbidden forbidden ok        ok
	user.erase                 forbidden ok        forbidden forbidden forbidden ok
	goal.create                forbidden ok        ok        ok        ok        ok
	goal.revise                forbidden ok        not_found not_found not_found not_found
	goal.set_paths             forbidden ok        not_found not_found not_found not_found
	goal.start                 forbidden ok        not_found not_found not_found not_found
	goal.pause                 forbidden ok        not_found not_found not_found not_found
	goal.complete              forbidden ok        not_found not_found not_found not_found
	goal.abandon               forbidden ok        not_found not_found not_found not_found
	goal.reopen                forbidden ok        not_found not_found not_found not_found
	goal.delete                forbidden ok        not_found not_found not_found not_found
	path.create                forbidden ok        ok        ok        ok        ok
	path.revise                forbidden ok        not_found not_found not_found not_found
	path.publish               forbidden forbidden not_found not_found not_found not_found
	path.archive               forbidden ok        not_found not_found not_found not_found
	path.set_points            forbidden ok        not_found not_found not_found not_found
	point.create               forbidden forbidden forbidden ok        ok        ok
	point.revise               forbidden forbidden forbidden ok        ok        ok
	point.set_prerequisites    forbidden forbidden forbidden ok        ok        ok
	study.record               forbidden ok        ok        ok        ok        ok
	study.complete             forbidden ok        ok        ok        ok        ok
	assessment.schedule        forbidden ok        forbidden ok        ok        ok
	assessment.submit          forbidden ok        not_found ok        ok        ok
	assessment.grade           forbidden forbidden not_found ok        ok        ok
	assessment.void            forbidden forbidden not_found ok        ok        ok
	comment.post               forbidden ok        ok        ok        ok        ok
	comment.edit               forbidden ok        forbidden forbidden forbidden forbidden
	comment.delete             forbidden ok        forbidden forbidden ok        ok
	comment.hide               forbidden forbidden forbidden forbidden ok        ok
	webhook.register           forbidden forbidden forbidden forbidden forbidden ok
	webhook.revise             forbidden forbidden forbidden forbidden forbidden ok
	webhook.enable             forbidden forbidden forbidden forbidden forbidden ok
	webhook.disable            forbidden forbidden forbidden forbidden forbidden ok
	webhook.delete             forbidden forbidden forbidden forbidden forbidden ok
`

// samples is one command of each kind about something of anna's that is as the
// command needs it.
func samples() map[Command]history {
	user, goal, path := Of{anna.id}, of("goal"), of("path")
	active, ended := goalAfter(&events.GoalStarted{}), goalAfter(&events.GoalCompleted{})
	return map[Command]history{
		&RegisterUser{Of: of("new"), Username: "新同学", Email: "x@y.org", Password: "p", Credential: "h"}: nil,
		&ReviseUser{Of: user, Locale: new("zh")}:                                             account(anna),
		&ChangePassword{Of: user, Current: "p", Password: "q", Credential: "h", Verified: 1}: account(anna),
		&SetRole{user, events.Curator}:                                                       account(anna),
		&SuspendUser{user}:                                                                   account(anna),
		&ReactivateUser{user}:                                                                account(anna, &events.UserSuspended{}),
		&EraseUser{user}:                                                                     account(anna),
		&CreateGoal{Of: of("new"), Title: "x"}:                                               nil,
		&ReviseGoal{Of: goal, Title: new("x")}:                                               draftGoal,
		&SetGoalPaths{goal, ids("path")}:                                                     told(draftGoal, published),
		&StartGoal{goal}:                                                                     draftGoal,
		&PauseGoal{goal}:                                                                     active,
		&CompleteGoal{goal}:                                                                  active,
		&AbandonGoal{goal}:                                                                   active,
		&ReopenGoal{goal}:                                                                    ended,
		&DeleteGoal{goal}:                                                                    draftGoal,
		&CreatePath{Of: of("new"), Title: "x"}:                                               nil,
		&RevisePath{Of: path, Title: new("x")}:                                               drafted(anna, "path"),
		&PublishPath{path}:                                                                   drafted(anna, "path"),
		&ArchivePath{path}:                                                                   drafted(anna, "path"),
		&SetPathPoints{path, ids("tree")}:                                                    drafted(anna, "path"),
		&CreatePoint{Of: of("new"), Title: "x"}:                                              nil,
		&RevisePoint{Of: of("heap"), Title: new("x")}:                                        pointNamed("heap"),
		&SetPrerequisites{of("heap"), ids("tree")}:                                           pointNamed("heap", "tree"),
		&RecordStudy{Of: of("heap")}:                                                         nil,
		&CompletePoint{Of: of("heap")}:                                                       nil,
		&ScheduleAssessment{Of: of("new"), User: anna.id, Type: events.Exam}:                 nil,
		&SubmitAssessment{of("exam")}:                                                        annas(exam),
		&GradeAssessment{of("exam"), new(events.Hundredths(1))}:                              annas(exam),
		&VoidAssessment{of("exam")}:                                                          annas(exam),
		&PostComment{Of: of("new"), TargetType: onHeap.Type, TargetID: onHeap.ID, Text: "x"}: pointNamed("heap"),
		&EditComment{of("comment"), "x"}:                                                     said(),
		&DeleteComment{of("comment")}:                                                        said(),
		&HideComment{of("comment")}:                                                          said(),

		&RegisterWebhook{of("new"), hookURL, []string{"goal.*"}, hookSecret}: nil,
		&ReviseWebhook{Of: of("hook"), URL: new(hookURL + "2")}:              hooked(),
		&EnableWebhook{of("hook")}:                                           hooked(&events.WebhookDisabled{}),
		&DisableWebhook{of("hook"), "holidays"}:                              hooked(),
		&DeleteWebhook{of("hook")}:                                           hooked(),
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	expected := map[string][]string{}
	for line := range strings.Lines(roles) {
		if words := strings.Fields(line); len(words) > 0 {
			expected[words[0]] = words[1:]
		}
	}
	tried := map[string]bool{}
	for c, log := range samples() {
		r := ruleOf(c)
		tried[r.Name] = true
		for i, p := range []person{nobody, anna, bo, cleo, mo, ada} {
			o, err := given{p, log}.decide(c)
			if got := verdict(o, err); got != expected[r.Name][i] {
				t.Errorf("%s by %q: %s, want %s", r.Name, p.role, got, expected[r.Name][i])
			}
		}
	}
	for _, r := range Rules() {
		if !tried[r.Name] || len(expected[r.Name]) != 6 {
			t.Errorf("%s is missing from the table or the samples", r.Name)
		}
	}
}

func verdict(o Outcome, err error) string {
	if err == nil && len(o.Events) > 0 {
		return "ok"
	}
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return "nothing"
}

func TestRuleNames(t *testing.T) {
	t.Parallel()
	commands := map[reflect.Type]bool{}
	for _, r := range Rules() {
		found, ok := RuleNamed(r.Name)
		if !ok || found.Name != r.Name {
			t.Errorf("%s is not found by its name", r.Name)
		}
		if commands[reflect.TypeOf(r.New())] {
			t.Errorf("%s decides the command of another rule", r.Name)
		}
		commands[reflect.TypeOf(r.New())] = true
		if EvolverOf(r.Kind) == nil {
			t.Errorf("streams of %s are not folded", r.Kind)
		}
	}
	if _, ok := RuleNamed("goal.explode"); ok || EvolverOf("system") != nil {
		t.Error("something is found that is not there")
	}
}

// Every command is told when it may have happened, before anything else.
func TestNothingFromTheFutureOrAnotherAge(t *testing.T) {
	t.Parallel()
	for _, r := range Rules() {
		_, err := r.Decide(nil, r.New(), Given{Role: events.Admin, Now: noon, At: noon.Add(5*time.Minute + time.Nanosecond)})
		if verdict(Outcome{}, err) != "in_the_future" {
			t.Errorf("%s: %v", r.Name, err)
		}
		for _, at := range []time.Time{earliest.Add(-time.Nanosecond), {}, time.Date(0, 1, 1, 0, 0, 0, 0, time.FixedZone("", 14*60*60))} {
			_, err := r.Decide(nil, r.New(), Given{Role: events.Admin, Now: noon, At: at})
			if verdict(Outcome{}, err) != "too_long_ago" {
				t.Errorf("%s at %s: %v", r.Name, at, err)
			}
		}
	}
	for _, at := range []time.Time{noon.Add(5 * time.Minute), noon, noon.AddDate(-100, 0, 0), earliest} {
		if err := CheckTime(Given{Now: noon, At: at}); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// Every field is described, and every text bounded, for the API's readers.
func TestFieldsAreDescribed(t *testing.T) {
	t.Parallel()
	for _, r := range Rules() {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(r.New()).Elem()) {
			if f.Anonymous || f.Tag.Get("json") == "-" {
				continue
			}
			if f.Tag.Get("doc") == "" || f.Tag.Get("json") == "" {
				t.Errorf("%s: %s lacks a doc or a json tag", r.Name, f.Name)
			}
			text := f.Type.Kind() == reflect.String || f.Type == reflect.TypeFor[*string]()
			if _, closed := f.Type.MethodByName("Values"); text && !closed && f.Tag.Get("maxlen") == "" {
				t.Errorf("%s: %s is text without a bound", r.Name, f.Name)
			}
		}
	}
}

// An event that this binary does not know changes no state.
func TestUnknownEventsAreSteppedOver(t *testing.T) {
	t.Parallel()
	log := told(draftGoal, history{events.Event{Stream: goalStream, Type: "goal.shared", Schema: 3}})
	given{anna, log}.when(t, &StartGoal{of("goal")}, &events.GoalStarted{From: events.GoalStatusDraft})
}
