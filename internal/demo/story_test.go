package demo

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
)

var noon = time.Date(2026, time.June, 15, 12, 0, 0, 0, time.UTC)

func TestEveryRunTellsTheSame(t *testing.T) {
	t.Parallel()
	now, later := tell(noon), tell(noon.AddDate(0, 3, 4))
	require.Len(t, later, len(now))
	seen := map[events.ID]bool{}
	for i, l := range now {
		assert.Equal(t, l.id, later[i].id)
		assert.Equal(t, *l.command.Subject(), *later[i].command.Subject())
		assert.False(t, seen[l.id], "%s at %s comes twice", l.name, l.at)
		seen[l.id] = true
	}
	// Other ids would load everything again beside what is there.
	assert.Equal(t, "019b8cf4-9d80-7347-bd24-783515f183ea", named("demo-anna").id().String())
	assert.Equal(t, "019b8cf4-9d80-7d7d-b204-3637832efaf8", now[0].id.String())
}

func TestTheStoryEndsYesterday(t *testing.T) {
	t.Parallel()
	lines := tell(noon)
	today := noon.Truncate(24 * time.Hour)
	assert.False(t, lines[0].at.Before(today.AddDate(0, 0, -days)))
	last := lines[len(lines)-1].at
	assert.True(t, last.Before(today))
	assert.True(t, last.After(today.AddDate(0, 0, -2)), "the last days are lively")
}

func TestPrerequisitesComeFirst(t *testing.T) {
	t.Parallel()
	known := map[string]bool{} // in the order of adding, so there is no circle
	total := 0
	for _, s := range subjects() {
		place := map[string]int{}
		for i, p := range s.points {
			for need := range strings.FieldsSeq(p.needs) {
				assert.True(t, known[need], "%s needs %q, which is not there before it", p.key, need)
			}
			assert.NotContains(t, place, p.key)
			known[p.key], place[p.key] = true, i
			total++
		}
	}
	assert.Len(t, known, total)
	assert.Equal(t, 40, total)
}

func TestBothLanguages(t *testing.T) {
	t.Parallel()
	texts := map[string][2]int{} // of each kind of command, without and with Chinese
	for _, l := range tell(noon) {
		var text string
		switch c := l.command.(type) {
		case *command.RegisterUser:
			text = c.DisplayName
		case *command.CreatePoint:
			text = c.Title
		case *command.CreatePath:
			text = c.Title
		case *command.CreateGoal:
			text = c.Title
		case *command.PostComment:
			text = c.Text
		default:
			continue
		}
		count := texts[l.name]
		if strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			count[1]++
		} else {
			count[0]++
		}
		texts[l.name] = count
	}
	require.Len(t, texts, 5)
	for name, count := range texts {
		assert.GreaterOrEqual(t, 2*count[0], count[1], "%s: little English", name)
		assert.GreaterOrEqual(t, 2*count[1], count[0], "%s: little Chinese", name)
	}
}

// TestGoalsEndWhenTheirPathIsLearnt: the story agrees with itself.
func TestGoalsEndWhenTheirPathIsLearnt(t *testing.T) {
	t.Parallel()
	learnt, completed := map[events.ID]int{}, map[events.ID]bool{}
	for _, l := range tell(noon) {
		switch l.name {
		case "study.complete":
			learnt[l.by.id]++
		case "goal.complete":
			completed[l.by.id] = true
		}
	}
	assert.Len(t, learners(), 30)
	for _, l := range learners() {
		assert.Equal(t, completed[l.id()], learnt[l.id()] == len(subjectNamed(l.subject).points), l.username)
	}
	assert.NotEmpty(t, completed)
}
