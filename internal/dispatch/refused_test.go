package dispatch

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
)

// Nobody else changes anything: what comes behind many that are refused has lost no race.
func TestManyRefusedAreNoRace(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	ana, taken := uuid.New(), []string{}
	require.NoError(t, d.Do(t.Context(), register(ana, "ana")).Err)
	revise := func(c command.ReviseUser) *Request {
		c.Of = of(ana)
		return request("user.revise", &c, ana)
	}
	var batch []*Request
	for i := range 2 * anew {
		name := "ben" + strings.Repeat("n", i)
		require.NoError(t, d.Do(t.Context(), register(uuid.New(), name)).Err)
		taken = append(taken, name)
		batch = append(batch, revise(command.ReviseUser{Username: &name}))
	}
	display, free, at := "Ana", "anna", 2
	last := revise(command.ReviseUser{Username: &free})
	last.IfMatch = &at // as it is once those before it have been refused or done
	verdicts := d.All(t.Context(), append(batch, revise(command.ReviseUser{DisplayName: &display}), last))
	for i := range taken {
		require.Equal(t, "username_taken", code(verdicts[i].Err), i)
	}
	for i, v := range verdicts[len(taken):] {
		require.NoError(t, v.Err)
		require.Equal(t, 2+i, v.Version)
	}
}
