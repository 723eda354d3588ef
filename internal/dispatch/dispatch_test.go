package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

type silent struct{}

func (silent) Appended(int, float64) {}
func (silent) Refused()              {}
func (silent) Retried()              {}

// process is one command process on a database.
func process(t *testing.T, url string) *Dispatcher { return traced(t, url, nil) }

// traced is one whose statements are followed.
func traced(t *testing.T, url string, tracer pgx.QueryTracer) *Dispatcher {
	t.Helper()
	pool, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 8, Tracer: tracer})
	require.NoError(t, err)
	v, err := vault.New(pool, []byte("a master secret for tests, 32 bytes and more"))
	require.NoError(t, err)
	log := eventlog.Open(eventlog.Config{Pool: pool, Vault: v, Logger: slog.New(slog.DiscardHandler), Meter: silent{}})
	t.Cleanup(func() {
		log.Close()
		pool.Close()
	})
	return New(log, v)
}

func processes(t *testing.T) (one, two *Dispatcher) {
	t.Helper()
	url := testkit.Database(t, migrated).URL(postgres.RoleCommand)
	return process(t, url), process(t, url)
}

// request is a command given by someone; zero is the system itself.
func request(name string, c command.Command, actor events.ID) *Request {
	rule, ok := command.RuleNamed(name)
	if !ok {
		panic(name)
	}
	now := time.Now()
	given := command.Given{Actor: actor, Role: events.Learner, At: now, Now: now}
	if actor == uuid.Nil {
		given.Role = events.Admin
	}
	return &Request{Rule: rule, Command: c, Given: given}
}

func of(id events.ID) command.Of { return command.Of{ID: id} }

func register(id events.ID, name string) *Request {
	return request("user.register", &command.RegisterUser{Of: of(id), Username: name}, uuid.Nil)
}

func point(id events.ID) *Request {
	return request("point.create", &command.CreatePoint{Of: of(id), Title: "图论"}, uuid.Nil)
}

func code(err error) string {
	if r, ok := errors.AsType[*command.Refusal](err); ok {
		return r.Code
	}
	return ""
}

// race does both at the same moment, many times over, and counts who got through.
func race(t *testing.T, n int, do func(i int) Verdict) (won int) {
	t.Helper()
	verdicts, start := make([]Verdict, n), make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			verdicts[i] = do(i)
		})
	}
	close(start)
	all.Wait()
	for _, v := range verdicts {
		if v.Err == nil && !v.Replayed {
			won++
		}
	}
	return won
}

func TestOneNameIsTakenOnce(t *testing.T) {
	t.Parallel()
	one, two := processes(t)
	won := race(t, 50, func(i int) Verdict {
		d := []*Dispatcher{one, two}[i%2]
		return d.Do(t.Context(), register(uuid.New(), []string{"Ana", "ana", "ＡＮＡ"}[i%3]))
	})
	require.Equal(t, 1, won)
}

func TestWhichValueIsTaken(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	register := func(id events.ID, name, address string) error {
		return d.Do(t.Context(), request("user.register", &command.RegisterUser{Of: of(id), Username: name, Email: address}, uuid.Nil)).Err
	}
	ana, ben := uuid.New(), uuid.New()
	require.NoError(t, register(ana, "ana", "ana@example.org"))
	require.NoError(t, register(ben, "ben", "ben@example.org"))
	revise := func(name, address string) error {
		return d.Do(t.Context(), request("user.revise", &command.ReviseUser{Of: of(ben), Username: &name, Email: &address}, ben)).Err
	}
	for name, c := range map[string]struct {
		err           error
		code, pointer string
	}{
		"the name":              {register(uuid.New(), "Ana", "new@example.org"), "username_taken", "/username"},
		"the address":           {register(uuid.New(), "new", "ANA@example.org"), "email_taken", "/email"},
		"both":                  {register(uuid.New(), "ana", "ana@example.org"), "username_taken", "/username"},
		"revised, the name":     {revise("ana", "other@example.org"), "username_taken", "/username"},
		"revised, the address":  {revise("other", "ana@example.org"), "email_taken", "/email"},
		"revised, its own name": {revise("BEN", "ana@example.org"), "email_taken", "/email"},
	} {
		refusal, ok := errors.AsType[*command.Refusal](c.err)
		require.True(t, ok, "%s: %v", name, c.err)
		require.Equal(t, []string{c.code, c.pointer}, []string{refusal.Code, refusal.Pointer}, name)
	}
	require.NoError(t, revise("benno", "benno@example.org"), "nothing of what was refused is held")
}

func TestPrerequisitesCloseNoCircle(t *testing.T) {
	t.Parallel()
	one, two := processes(t)
	for range 10 {
		a, b := uuid.New(), uuid.New()
		require.NoError(t, one.Do(t.Context(), point(a)).Err)
		require.NoError(t, one.Do(t.Context(), point(b)).Err)
		won := race(t, 2, func(i int) Verdict {
			if i == 0 {
				return one.Do(t.Context(), request("point.set_prerequisites", &command.SetPrerequisites{Of: of(a), Prerequisites: []events.ID{b}}, uuid.Nil))
			}
			return two.Do(t.Context(), request("point.set_prerequisites", &command.SetPrerequisites{Of: of(b), Prerequisites: []events.ID{a}}, uuid.Nil))
		})
		require.Equal(t, 1, won)
	}
}

func TestCommentAgainstTheEndOfItsTarget(t *testing.T) {
	t.Parallel()
	one, two := processes(t)
	ana := uuid.New()
	require.NoError(t, one.Do(t.Context(), register(ana, "ana")).Err)
	for range 10 {
		goal, comment := uuid.New(), uuid.New()
		require.NoError(t, one.Do(t.Context(), request("goal.create", &command.CreateGoal{Of: of(goal), Title: "学习"}, ana)).Err)
		var posted, deleted Verdict
		race(t, 2, func(i int) Verdict {
			if i == 0 {
				posted = one.Do(t.Context(), request("comment.post", &command.PostComment{Of: of(comment), TargetType: events.TargetGoal, TargetID: goal, Text: "加油"}, ana))
				return posted
			}
			deleted = two.Do(t.Context(), request("goal.delete", &command.DeleteGoal{Of: of(goal)}, ana))
			return deleted
		})
		require.NoError(t, deleted.Err)
		if posted.Err == nil {
			require.Less(t, posted.Position, deleted.Position, "nothing is said about what is gone")
		}
	}
}

func TestEqualKeysHaveOneEffect(t *testing.T) {
	t.Parallel()
	one, two := processes(t)
	key := uuid.New()
	var mu sync.Mutex
	answers := map[Verdict]bool{}
	ask := func(d *Dispatcher, asked string) Verdict {
		r := point(uuid.New()) // each try makes up an id, as the door does
		r.Key, r.Asked, r.Keep = key, []byte(asked), time.Hour
		return d.Do(t.Context(), r)
	}
	won := race(t, 20, func(i int) Verdict {
		v := ask([]*Dispatcher{one, two}[i%2], "same")
		mu.Lock()
		answers[Verdict{ID: v.ID, Version: v.Version, Position: v.Position, Err: v.Err}] = true
		mu.Unlock()
		return v
	})
	require.Equal(t, 1, won)
	require.Len(t, answers, 1, "one answer to all")
	require.ErrorIs(t, ask(two, "other").Err, ErrKeyReused)
}

func TestBatchStandsOnItsPredecessors(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	ana, goal, none := uuid.New(), uuid.New(), uuid.New()
	batch := func() []*Request {
		list := []*Request{
			register(ana, "ana"),
			request("goal.create", &command.CreateGoal{Of: of(goal), Title: "canary"}, ana),
			request("goal.start", &command.StartGoal{Of: of(goal)}, ana),
			request("goal.create", &command.CreateGoal{Of: of(none), Title: strings.Repeat("x", 999)}, ana),
			request("goal.start", &command.StartGoal{Of: of(none)}, ana),
			request("goal.complete", &command.CompleteGoal{Of: of(goal)}, ana),
		}
		for i, r := range list {
			r.Key = uuid.NewSHA1(ana, []byte{byte(i)})
		}
		return list
	}
	verdicts := d.All(t.Context(), batch())
	for _, i := range []int{0, 1, 2, 5} {
		require.NoError(t, verdicts[i].Err, i)
	}
	require.Equal(t, "too_long", code(verdicts[3].Err))
	require.Equal(t, "not_found", code(verdicts[4].Err), "what was refused is not there")
	require.Equal(t, 3, verdicts[5].Version)

	again := d.All(t.Context(), batch())
	for _, i := range []int{0, 1, 2, 5} {
		require.NoError(t, again[i].Err, i)
		require.True(t, again[i].Replayed, i)
		require.Equal(t, verdicts[i].Position, again[i].Position)
	}
}

func TestIfMatchIsOfWhatTheCommandIsAbout(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	ana, p, before := uuid.New(), uuid.New(), uuid.New()
	require.NoError(t, d.Do(t.Context(), register(ana, "ana")).Err)
	require.NoError(t, d.Do(t.Context(), point(p)).Err)
	require.NoError(t, d.Do(t.Context(), point(before)).Err)
	require.NoError(t, d.Do(t.Context(), request("point.set_prerequisites", &command.SetPrerequisites{Of: of(before), Prerequisites: []events.ID{}}, uuid.Nil)).Err)

	at := func(version int, r *Request) Verdict {
		r.IfMatch = &version
		return d.Do(t.Context(), r)
	}
	set := func() *Request {
		return request("point.set_prerequisites", &command.SetPrerequisites{Of: of(p), Prerequisites: []events.ID{before}}, uuid.Nil)
	}
	require.ErrorIs(t, at(2, set()).Err, ErrVersion)
	v := at(1, set())
	require.NoError(t, v.Err)
	require.Equal(t, 1, v.Version, "the point's, which its prerequisites do not change")

	study := func() *Request { return request("study.record", &command.RecordStudy{Of: of(p)}, ana) }
	require.ErrorIs(t, at(2, study()).Err, ErrVersion)
	v = at(1, study())
	require.NoError(t, v.Err)
	require.Equal(t, 1, v.Version)
}
