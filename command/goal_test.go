package command

import (
	"strings"
	"testing"

	"sical-backend/events"
)

var (
	goalStream = events.StreamOf(events.KindGoal, idOf("goal"))
	calculus   = &events.GoalCreated{Title: "学会微积分", Category: "数学", Visibility: events.Private}
	draftGoal  = on(goalStream, anna, calculus)
)

// goalAfter is anna's draft goal and what came of it.
func goalAfter(facts ...events.Data) history {
	return on(goalStream, anna, append([]events.Data{calculus}, facts...)...)
}

func TestCreateGoal(t *testing.T) {
	t.Parallel()
	g := given{by: anna}
	day := events.Date(20_000)
	o := g.when(t, &CreateGoal{Of: of("goal"), Title: "学会微积分", Category: "数学"}, calculus)
	same(t, o.Owner, anna.id)
	g.when(t, &CreateGoal{Title: "Learn Go", Description: "well\n\tenough", TargetDate: &day, Visibility: events.Public},
		&events.GoalCreated{Title: "Learn Go", Description: "well\n\tenough", TargetDate: &day, Visibility: events.Public})
	g.when(t, &CreateGoal{Title: strings.Repeat("长", maxTitle)},
		&events.GoalCreated{Title: events.Personal(strings.Repeat("长", maxTitle)), Visibility: events.Private})
	g.refuses(t, &CreateGoal{}, "blank", "/title")
	g.refuses(t, &CreateGoal{Title: " \u3000"}, "blank", "/title")
	for _, invisible := range []string{"\u200b", "\u3164", "\u00ad", "\u2800", "\ufe0f", "\u200d \u2060"} {
		g.refuses(t, &CreateGoal{Title: invisible}, "blank", "/title")
		g.refuses(t, &CreateGoal{Title: "x", Category: invisible}, "blank", "/category")
	}
	for _, turning := range []string{"two\nlines", "x\u202egnp.exe", "\u2066x", "two\u2028lines", "two\u2029parts"} {
		g.refuses(t, &CreateGoal{Title: turning}, "control_character", "/title")
	}
	for _, shown := range []string{"👩\u200d🎓 学", "क्\u200dष", "\u0601", "שלום\u200f!"} {
		if _, err := g.decide(&CreateGoal{Of: of("goal"), Title: shown}); err != nil {
			t.Errorf("%q: %v", shown, err)
		}
	}
	g.refuses(t, &CreateGoal{Title: "\xff"}, "invalid_text", "/title")
	g.refuses(t, &CreateGoal{Title: strings.Repeat("长", maxTitle+1)}, "too_long", "/title")
	g.refuses(t, &CreateGoal{Title: "x", Description: "\x1b[2J"}, "control_character", "/description")
	g.refuses(t, &CreateGoal{Title: "x", Category: strings.Repeat("x", maxCategory+1)}, "too_long", "/category")
	g.refuses(t, &CreateGoal{Title: "x", Visibility: "friends"}, "unknown_value", "/visibility")
	if err := oneOf("/visibility", events.Visibility("friends")); !strings.Contains(err.Error(), "One of private, public is expected.") {
		t.Errorf("not for people: %v", err)
	}
	g.refuses(t, &CreateGoal{Title: "x", TargetDate: new(events.DateOf(earliest) - 1)}, "out_of_range", "/target_date")
}

func TestGoalPaths(t *testing.T) {
	t.Parallel()
	world := told(draftGoal, published, drafted(bo, "bos"), drafted(anna, "annas"), archived)
	g := given{anna, world}
	for _, name := range []string{"path", "annas"} {
		o := g.when(t, &CreateGoal{Title: "x", Paths: ids(name)},
			&events.GoalCreated{Title: "x", Visibility: events.Private, Paths: ids(name)})
		same(t, o.Requires, []Reference{{Stream: events.StreamOf(events.KindPath, idOf(name)), Pointer: "/paths/0", AsRead: true}})
	}
	g.refuses(t, &CreateGoal{Title: "x", Paths: ids("path", "bos")}, "unknown_path", "/paths/1")
	g.refuses(t, &CreateGoal{Title: "x", Paths: ids("old")}, "unknown_path", "/paths/0")
	g.refuses(t, &CreateGoal{Title: "x", Paths: ids("nowhere")}, "unknown_path", "/paths/0")
	g.refuses(t, &CreateGoal{Title: "x", Paths: ids("path", "path")}, "repeated", "/paths/1")
	g.refuses(t, &CreateGoal{Title: "x", Paths: make([]events.ID, maxList+1)}, "too_many", "/paths")

	g.when(t, &SetGoalPaths{of("goal"), ids("path", "annas")},
		&events.GoalPathsSet{Paths: events.Change[[]events.ID]{To: ids("path", "annas")}})
	g.when(t, &SetGoalPaths{of("goal"), []events.ID{}})
	g.refuses(t, &SetGoalPaths{Of: of("goal")}, "missing", "/paths")
	g.refuses(t, &SetGoalPaths{of("goal"), ids("bos")}, "unknown_path", "/paths/0")
	g.refuses(t, &SetGoalPaths{of("other"), ids("path")}, "not_found")

	// What it has, it keeps, also when the path has been archived since.
	attached := goalAfter(&events.GoalPathsSet{Paths: events.Change[[]events.ID]{To: ids("old")}})
	keeping := given{anna, told(attached, archived, published)}
	keeping.when(t, &SetGoalPaths{of("goal"), ids("old")})
	o := keeping.when(t, &SetGoalPaths{of("goal"), ids("old", "path")},
		&events.GoalPathsSet{Paths: events.Change[[]events.ID]{From: ids("old"), To: ids("old", "path")}})
	same(t, o.Requires, []Reference{{Stream: pathStream("path"), Pointer: "/paths/1", AsRead: true}})
	keeping.refuses(t, &SetGoalPaths{of("goal"), ids("old", "old")}, "repeated", "/paths/1")
}

func TestReviseGoal(t *testing.T) {
	t.Parallel()
	g := given{anna, draftGoal}
	title, day := "Learn calculus", events.Date(20_543)
	g.when(t, &ReviseGoal{Of: of("goal"), Title: &title}, &events.GoalRevised{Title: new(events.Personal(title))})
	g.when(t, &ReviseGoal{Of: of("goal"), Category: new(""), Visibility: new(events.Public), TargetDate: new("2026-03-31")},
		&events.GoalRevised{
			Category:   &events.Change[string]{From: "数学"},
			Visibility: &events.Change[events.Visibility]{From: events.Private, To: events.Public},
			TargetDate: &events.Change[*events.Date]{To: &day},
		})
	g.when(t, &ReviseGoal{Of: of("goal")})
	g.when(t, &ReviseGoal{Of: of("goal"), Title: new("学会微积分"), Category: new("数学"), TargetDate: new("")})
	g.refuses(t, &ReviseGoal{Of: of("goal"), Title: new("")}, "blank", "/title")
	g.refuses(t, &ReviseGoal{Of: of("goal"), Description: new(strings.Repeat("x", maxDescription+1))}, "too_long", "/description")
	g.refuses(t, &ReviseGoal{Of: of("goal"), Category: new("a\x00")}, "control_character", "/category")
	g.refuses(t, &ReviseGoal{Of: of("goal"), Visibility: new(events.Visibility("")), Title: new("x")}, "missing", "/visibility")
	g.refuses(t, &ReviseGoal{Of: of("goal"), TargetDate: new("31.3.2026")}, "invalid_date", "/target_date")
	g.refuses(t, &ReviseGoal{Of: of("goal"), TargetDate: new("2026-02-30")}, "invalid_date", "/target_date")
	g.refuses(t, &ReviseGoal{Of: of("goal"), TargetDate: new("1899-12-31")}, "out_of_range", "/target_date")

	dated := given{anna, goalAfter(&events.GoalRevised{TargetDate: &events.Change[*events.Date]{To: &day}})}
	dated.when(t, &ReviseGoal{Of: of("goal"), TargetDate: new("2026-03-31")})
	dated.when(t, &ReviseGoal{Of: of("goal"), TargetDate: new("")},
		&events.GoalRevised{TargetDate: &events.Change[*events.Date]{From: &day}})
}

func TestGoalStatus(t *testing.T) {
	t.Parallel()
	draft := given{anna, draftGoal}
	active := given{anna, goalAfter(&events.GoalStarted{})}
	paused := given{anna, goalAfter(&events.GoalStarted{}, &events.GoalPaused{})}
	completed := given{anna, goalAfter(&events.GoalCompleted{})}
	abandoned := given{anna, goalAfter(&events.GoalAbandoned{})}
	reopened := given{anna, goalAfter(&events.GoalAbandoned{}, &events.GoalReopened{})}

	draft.when(t, &StartGoal{of("goal")}, &events.GoalStarted{From: events.GoalStatusDraft})
	paused.when(t, &StartGoal{of("goal")}, &events.GoalStarted{From: events.GoalStatusPaused})
	active.when(t, &StartGoal{of("goal")})
	reopened.when(t, &StartGoal{of("goal")})
	completed.refuses(t, &StartGoal{of("goal")}, "goal_completed")
	abandoned.refuses(t, &StartGoal{of("goal")}, "goal_abandoned")

	active.when(t, &PauseGoal{of("goal")}, &events.GoalPaused{From: events.GoalStatusActive})
	paused.when(t, &PauseGoal{of("goal")})
	draft.refuses(t, &PauseGoal{of("goal")}, "goal_draft")
	completed.refuses(t, &PauseGoal{of("goal")}, "goal_completed")
	abandoned.refuses(t, &PauseGoal{of("goal")}, "goal_abandoned")

	active.when(t, &CompleteGoal{of("goal")}, &events.GoalCompleted{From: events.GoalStatusActive})
	paused.when(t, &CompleteGoal{of("goal")}, &events.GoalCompleted{From: events.GoalStatusPaused})
	completed.when(t, &CompleteGoal{of("goal")})
	draft.refuses(t, &CompleteGoal{of("goal")}, "goal_draft")
	abandoned.refuses(t, &CompleteGoal{of("goal")}, "goal_abandoned")

	draft.when(t, &AbandonGoal{of("goal")}, &events.GoalAbandoned{From: events.GoalStatusDraft})
	active.when(t, &AbandonGoal{of("goal")}, &events.GoalAbandoned{From: events.GoalStatusActive})
	paused.when(t, &AbandonGoal{of("goal")}, &events.GoalAbandoned{From: events.GoalStatusPaused})
	abandoned.when(t, &AbandonGoal{of("goal")})
	completed.refuses(t, &AbandonGoal{of("goal")}, "goal_completed")

	completed.when(t, &ReopenGoal{of("goal")}, &events.GoalReopened{From: events.GoalStatusCompleted})
	abandoned.when(t, &ReopenGoal{of("goal")}, &events.GoalReopened{From: events.GoalStatusAbandoned})
	active.when(t, &ReopenGoal{of("goal")})
	draft.refuses(t, &ReopenGoal{of("goal")}, "goal_draft")
	paused.refuses(t, &ReopenGoal{of("goal")}, "goal_paused")
}

func TestDeleteGoal(t *testing.T) {
	t.Parallel()
	given{anna, draftGoal}.when(t, &DeleteGoal{of("goal")},
		&events.GoalDeleted{From: events.GoalStatusDraft, Category: "数学", Visibility: events.Private})
	gone := given{anna, goalAfter(&events.GoalDeleted{})}
	for _, c := range []Command{
		&DeleteGoal{of("goal")}, &StartGoal{of("goal")}, &PauseGoal{of("goal")}, &CompleteGoal{of("goal")}, &AbandonGoal{of("goal")},
		&ReopenGoal{of("goal")}, &ReviseGoal{Of: of("goal")}, &SetGoalPaths{of("goal"), ids()},
	} {
		gone.refuses(t, c, "not_found")
	}
}

// What somebody forgotten had in public is not there either, and not only not others' to change.
func TestGoalOfSomebodyForgotten(t *testing.T) {
	t.Parallel()
	unread := on(goalStream, anna, &events.GoalCreated{Visibility: events.Public})
	for _, p := range []person{anna, bo, ada} {
		given{p, unread}.refuses(t, &ReviseGoal{Of: of("goal"), Title: new("x")}, "not_found")
		given{p, unread}.refuses(t, &StartGoal{of("goal")}, "not_found")
	}
}
