package events

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var store = flag.Bool("store", false, "write the files of testdata/stored that are missing; none is ever changed")

var (
	id1, id2 = uuid.MustParse("0190a000-0000-7000-8000-000000000001"), uuid.MustParse("0190a000-0000-7000-8000-000000000002")
	day      = Date(20635) // 2026-07-01
)

func ptr[T any](v T) *T { return &v }

// stored is what each file of testdata/stored, an event as it once came to stand in
// some log, has to be read as for ever. A new stored form gets a line here and, by
// go test ./events -run Stored -store, a file. When a schema gets old its line
// changes to what it is read as today, and its file stays as it is.
var stored = map[string]Data{
	"assessment.graded.1":    &AssessmentGraded{From: AssessmentStatusSubmitted, Score: 8750, Previous: ptr(Hundredths(7000))},
	"assessment.scheduled.1": &AssessmentScheduled{Type: Exam, Goal: &id1, Points: []ID{id1, id2}, MaxScore: 10000, Weight: 2550, DueDate: &day},
	"assessment.submitted.1": &AssessmentSubmitted{From: AssessmentStatusScheduled},
	"assessment.voided.1":    &AssessmentVoided{From: AssessmentStatusGraded, Score: ptr(Hundredths(8750))},

	"comment.deleted.1": &CommentDeleted{From: CommentStatusHidden, Target: Target{TargetPath, id1}},
	"comment.edited.1":  &CommentEdited{From: CommentStatusVisible, Text: "AQxzZWFsZWQ"},
	"comment.hidden.1":  &CommentHidden{From: CommentStatusEdited},
	"comment.posted.1":  &CommentPosted{Target: Target{TargetGoal, id1}, Text: "AQxzZWFsZWQ", ReplyTo: &id2},

	"curriculum.prerequisites_set.1": &PrerequisitesSet{Point: id1, Prerequisites: Change[[]ID]{From: []ID{}, To: []ID{id2}}},

	"goal.abandoned.1": &GoalAbandoned{From: GoalStatusPaused},
	"goal.completed.1": &GoalCompleted{From: GoalStatusActive},
	"goal.created.1": &GoalCreated{Title: "AQxzZWFsZWQ", Description: "AQxzZWFsZWQy", Category: "数学", TargetDate: &day,
		Visibility: Private, Paths: []ID{id1, id2}},
	"goal.deleted.1":   &GoalDeleted{From: GoalStatusDraft, Category: "数学", Visibility: Public, Paths: []ID{id2}},
	"goal.paths_set.1": &GoalPathsSet{Paths: Change[[]ID]{From: []ID{id1}, To: []ID{id2, id1}}},
	"goal.paused.1":    &GoalPaused{From: GoalStatusActive},
	"goal.reopened.1":  &GoalReopened{From: GoalStatusCompleted},
	"goal.revised.1": &GoalRevised{Title: ptr(Personal("AQxzZWFsZWQ")), Description: ptr(Personal("")),
		Category: &Change[string]{"", "数学"}, TargetDate: &Change[*Date]{nil, &day}, Visibility: &Change[Visibility]{Private, Public}},
	"goal.started.1": &GoalStarted{From: GoalStatusDraft},

	"path.archived.1":      &PathArchived{From: PathStatusPublished, Category: "informatics"},
	"path.created.1":       &PathCreated{Title: "AQxzZWFsZWQ", Description: "AQxzZWFsZWQy", Category: "informatics", Points: []ID{id1}},
	"path.draft_revised.1": &PathDraftRevised{Title: ptr(Personal("AQxzZWFsZWQ")), Description: ptr(Personal("")), Category: &Change[string]{"", "informatics"}},
	"path.points_set.1":    &PathPointsSet{Points: Change[[]ID]{From: []ID{id1}, To: []ID{id1, id2}}},
	"path.published.1":     &PathPublished{Title: "图论 Graph theory", Description: "Nodes & edges", Category: "informatics", From: PathStatusDraft},
	"path.revised.1":       &PathRevised{Title: ptr("图论"), Description: ptr(""), Category: &Change[string]{"informatics", "数学"}},

	"point.created.1": &PointCreated{Title: "图的遍历", Description: "<BFS> & DFS", Category: "informatics", Difficulty: 3, Minutes: 45},
	"point.revised.1": &PointRevised{Title: ptr("Traversal"), Description: ptr(""), Category: &Change[string]{"informatics", ""},
		Difficulty: &Change[int]{3, 10}, Minutes: ptr(0)},

	"study.point_completed.1": &PointLearnt{Point: id1},
	"study.studied.1":         &Studied{Point: id1, Amount: 30, Kind: "minutes"},

	"user.erased.1":           &UserErased{From: UserStatusSuspended, Role: Moderator},
	"user.password_changed.1": &UserPasswordChanged{},
	"user.reactivated.1":      &UserReactivated{},
	"user.registered.1": &UserRegistered{Username: "AQxzZWFsZWQ", Email: "AQxzZWFsZWQy", DisplayName: "AQxzZWFsZWQz",
		Locale: "zh-CN", TimeZone: "Asia/Shanghai", Role: Learner},
	"user.revised.1": &UserRevised{Username: ptr(Personal("AQxzZWFsZWQ")), Email: ptr(Personal("")), DisplayName: ptr(Personal("AQxzZWFsZWQz")),
		Locale: ptr("en"), TimeZone: ptr("")},
	"user.role_changed.1": &UserRoleChanged{Role: Change[Role]{Learner, Curator}},
	"user.suspended.1":    &UserSuspended{},

	"webhook.deleted.1":    &WebhookDeleted{},
	"webhook.disabled.1":   &WebhookDisabled{Reason: "no answer for three days"},
	"webhook.enabled.1":    &WebhookEnabled{},
	"webhook.registered.1": &WebhookRegistered{URL: "https://example.org/hook", EventTypes: []string{"goal.*", "user.registered"}},
	"webhook.revised.1":    &WebhookRevised{URL: ptr("https://example.org/学习"), EventTypes: []string{"*"}, SecretChanged: true},
}

func storedFile(form string) string { return filepath.Join("testdata", "stored", form+".json") }

func formOf(t *Type) string { return fmt.Sprintf("%s.%d", t.Name, t.Schema) }

func TestStoredEventsAreReadForEver(t *testing.T) {
	t.Parallel()
	for _, kind := range Types() {
		form := formOf(kind)
		want := stored[form]
		if want == nil {
			t.Errorf("%s has no line in this test", form)
			continue
		}
		raw, err := os.ReadFile(storedFile(form))
		if errors.Is(err, fs.ErrNotExist) && *store {
			if raw, err = Encode(want); err == nil {
				err = os.WriteFile(storedFile(form), raw, 0o644)
			}
		}
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := Decode(kind.Name, kind.Schema, raw)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is read otherwise than it was (-then +now)\n%s", form, diff)
		}
	}
}

// What was once stored stays in the folder and in the catalogue.
func TestNoStoredEventIsForgotten(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(filepath.Join("testdata", "stored"))
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]bool{}
	for _, kind := range Types() {
		forms[formOf(kind)] = true
	}
	for _, f := range files {
		form := strings.TrimSuffix(f.Name(), ".json")
		if !forms[form] {
			t.Errorf("%s was stored once and cannot be read any more", form)
		}
	}
	if len(files) < len(forms) {
		t.Errorf("%d forms and %d files", len(forms), len(files))
	}
}
