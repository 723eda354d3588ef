package oulad

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
)

// realData is the folder of the published files, which lies beside the checkout
// where there is one. A short run leaves it out: with the race detector on,
// reading it takes a minute.
func realData(tb testing.TB) string {
	if testing.Short() {
		tb.Skip("the real data takes long")
	}
	dir := filepath.Join("..", "..", "..", "shared", "data", "oulad")
	if _, err := os.Stat(dir); err != nil {
		tb.Skip("shared data absent")
	}
	return dir
}

// totals are figures of the data as its publishers state them, and of what is
// here of the clicks.
type totals struct {
	commands                    map[string]int
	scores                      events.Hundredths
	clicks                      int64
	users, goals, points, tests int
}

func TestRealDataGivesThePublishedFigures(t *testing.T) {
	t.Parallel()
	var report Report
	stages, err := Stages(realData(t), &report)
	require.NoError(t, err)

	got := totals{commands: map[string]int{}}
	ids := make(map[events.ID]struct{}, 1_700_000)
	things := map[string]map[events.ID]struct{}{}
	for _, s := range stages {
		given := 0
		for l, err := range s.Lines {
			require.NoError(t, err)
			given++
			got.commands[l.Type]++
			ids[l.ID] = struct{}{}
			switch c := l.Command.(type) {
			case *command.GradeAssessment:
				got.scores += *c.Score
			case *command.RecordStudy:
				got.clicks += *c.Amount
			case *command.RegisterUser, *command.CreateGoal, *command.CreatePoint, *command.ScheduleAssessment:
				if things[l.Type] == nil {
					things[l.Type] = map[events.ID]struct{}{}
				}
				things[l.Type][*c.Subject()] = struct{}{}
			}
		}
		require.LessOrEqual(t, given, s.Most, s.Name)
	}
	got.users, got.goals = len(things["user.register"]), len(things["goal.create"])
	got.points, got.tests = len(things["point.create"]), len(things["assessment.schedule"])

	require.Equal(t, totals{
		commands: map[string]int{
			"user.register": 28_785, "point.create": 6_364, "path.create": 22, "path.publish": 22,
			"goal.create": 32_593, "goal.start": 32_593, "goal.complete": 15_385, "goal.abandon": 17_208,
			"assessment.schedule": 173_912, "assessment.submit": 173_912, "assessment.grade": 173_739,
			"study.record": 1_048_575,
		},
		scores: 13_169_342_00, clicks: 3_516_339,
		users: 28_785, goals: 32_593, points: 6_364, tests: 173_912,
	}, got)

	commands := 0
	for _, n := range got.commands {
		commands += n
	}
	require.Len(t, ids, commands, "an id stands for two commands")

	read, repaired := 0, 0
	for _, f := range report.Files() {
		require.Zero(t, f.Refused, f)
		require.Equal(t, f.Read, f.Accepted())
		read += f.Read
		repaired += f.Repaired
	}
	require.Equal(t, 22+6_364+206+32_593+32_593+173_912+1_048_575, read)
	require.Equal(t, 11+45+93, repaired, "exam dates, registrations, withdrawals")
}

// BenchmarkRealData reads everything and throws the commands away: how fast an
// import could be, and how much memory the reading itself holds.
func BenchmarkRealData(b *testing.B) {
	dir := realData(b)
	commands, most := 0, uint64(0)
	var memory runtime.MemStats
	for b.Loop() {
		stages, err := Stages(dir, &Report{})
		require.NoError(b, err)
		for _, s := range stages {
			for _, err := range s.Lines {
				require.NoError(b, err)
				if commands++; commands%100_000 == 0 {
					runtime.ReadMemStats(&memory)
					most = max(most, memory.HeapInuse+memory.StackInuse)
				}
			}
		}
	}
	b.ReportMetric(float64(commands)/b.Elapsed().Seconds(), "commands/s")
	b.ReportMetric(float64(most)/(1<<20), "heap-MiB")
}
