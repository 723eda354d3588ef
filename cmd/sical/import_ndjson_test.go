package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/importer"
)

// told is what an import prints, from several goroutines.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (t *told) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, string(p))
	return len(p), nil
}

// Every line that is not taken is named by its number, whatever it is refused for, and
// the others are done.
func TestImportNamesTheLines(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	user := s.do(http.MethodPost, "/v1/users", "", fmt.Sprintf(`{"username":"lina","email":"lina@example.org","password":%q}`, password))
	point := uuid.NewString()
	line := func(kind, as, data string) string {
		if as != "" {
			as = fmt.Sprintf(`"as":%q,`, as)
		}
		return fmt.Sprintf(`{"id":%q,"type":%q,%s"data":%s}`, uuid.NewString(), kind, as, data)
	}
	about := fmt.Sprintf(`{"id":%q}`, point)
	comment := fmt.Sprintf(`{"id":%q,"target_type":"point","target_id":%q,"text":"好"}`, uuid.NewString(), point)
	quiz := fmt.Sprintf(`{"id":%q,"assessment_type":"quiz"}`, uuid.NewString())
	goal := fmt.Sprintf(`{"id":%q,"title":"图论"}`, uuid.NewString())
	long := line("goal.create", user, fmt.Sprintf(`{"id":%q,"title":"图论","description":%q}`, uuid.NewString(), strings.Repeat("x", maxLine)))
	in := "\ufeff" + strings.Join([]string{
		line("point.create", "", fmt.Sprintf(`{"id":%q,"title":"图"}`, point)), // 1
		"no command",                            // 2
		line("study.record", "", about),         // 3
		"",                                      // 4
		line("study.complete", "", about),       // 5
		line("comment.post", "", comment),       // 6
		line("assessment.schedule", "", quiz),   // 7
		line("goal.create", "", goal),           // 8
		line("study.record", user, about),       // 9
		line("comment.post", user, comment),     // 10
		line("assessment.schedule", user, quiz), // 11
		line("goal.create", user, goal),         // 12
		line("point.forget", user, about),       // 13
		long,                                    // 14
		line("study.complete", user, about),     // 15
	}, "\n")
	var out told
	var counts importer.Counts
	require.NoError(t, importer.Run(t.Context(), s.app.decider.Dispatcher, commands(strings.NewReader(in), &out), &counts))

	require.EqualValues(t, 8, counts.Refused.Load(), out.lines)
	require.EqualValues(t, 6, counts.Done.Load())
	slices.Sort(out.lines)
	require.Len(t, out.lines, 8)
	require.Equal(t, "line 14: the line is too long\n", out.lines[1])
	for i, number := range []int{13, 14, 2, 3, 5, 6, 7, 8} {
		require.True(t, strings.HasPrefix(out.lines[i], fmt.Sprintf("line %d: ", number)), out.lines)
		if number > 2 && number < 13 {
			require.Contains(t, out.lines[i], "in whose name", out.lines)
		}
	}
}
