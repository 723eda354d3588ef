package cache

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
)

// While another build or another log takes the place of the one that was read, nothing of
// the one before is given at the new position: neither what was kept before, nor what
// began meanwhile, as of a replica that has not heard of it.
func TestNothingOfBeforeIsGivenAtThePositionOfWhatIsReadNow(t *testing.T) {
	t.Parallel()
	for name, found := range map[string]checkpoint{
		"another build":         {Build: 2},
		"another log":           {Build: 1, Incarnation: uuid.New()},
		"another build and log": {Build: 2, Incarnation: uuid.New()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := loaded(t)
			forgotten := 0
			held := func() {
				forgotten++
				_, ok := f.c.Lookup("q", 20)
				require.False(t, ok)
				a, err := f.c.Do(t.Context(), question("meanwhile", 10))
				require.NoError(t, err)
				require.EqualValues(t, 10, a.Position)
				f.c.store.Wait()
			}
			f.p.forget = slices.Concat([]func(){held}, f.p.forget, []func(){held})
			found.View, found.Version, found.Position, found.State = "v", 1, 20, wire.ViewLive
			f.p.take(f.p.view("v"), []checkpoint{found}, time.Now())
			require.Equal(t, 4, forgotten)
			require.EqualValues(t, 20, f.p.Applied("v"))
			q := question("new", 20)
			q.Load = func(context.Context) (Answer, error) {
				checkpoints := stood(20)
				checkpoints[0].Build.Number = found.Build
				return Answer{Body: []byte("new"), Checkpoints: checkpoints}, nil
			}
			for range 2 {
				a, err := f.c.Do(t.Context(), q)
				require.NoError(t, err)
				require.Equal(t, "new", string(a.Body))
			}
			f.c.store.Wait()
			_, kept := f.c.Lookup("q", 20)
			require.True(t, kept)
		})
	}
}

// Whoever is woken asks for what is applied: that is known by then.
func TestAChangeIsToldOnceItIsKnownToBeApplied(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		heard wire.Notice
		all   bool
	}{
		"a row":             {wire.Notice{Epoch: 1, From: 10, Keys: []string{"v/1"}}, false},
		"too much to list":  {wire.Notice{Epoch: 1, From: 10, All: true}, true},
		"a name of no view": {wire.Notice{Epoch: 1, From: 10, Groups: []string{"none"}}, true},
		"a hole":            {wire.Notice{Epoch: 1, From: 15}, true},
		"a fall":            {wire.Notice{Epoch: 2, From: 5}, true},
		"an erasure":        {wire.Notice{Epoch: 1, From: 10, Forget: true}, true},
		"asking the tables": {wire.Notice{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := loaded(t)
			told, everybody := uint64(0), false
			f.p.OnChange(func(_ []string, all bool) { told, everybody = f.p.Applied("v"), all })
			if c.heard.Epoch == 0 {
				f.p.take(f.p.view("v"), []checkpoint{{View: "v", Version: 1, Build: 1, Position: 20, State: wire.ViewLive}}, time.Now())
			} else {
				c.heard.View, c.heard.Version, c.heard.Build, c.heard.To, c.heard.Saved = "v", 1, 1, 20, 20
				f.hear(c.heard)
			}
			require.EqualValues(t, 20, told)
			require.Equal(t, c.all, everybody)
		})
	}
}
