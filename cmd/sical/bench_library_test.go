package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/bench/load"
	"sical-backend/internal/loadtest"
)

// library is what the read benchmarks ask a system for: knowledge points, paths of five
// of them, and people each of whom has a public goal with one path. People have paths in
// common where there are fewer of those.
type library struct {
	url    string
	people []load.Person
	points []string // ids, as all of these
	paths  []string
	goals  []string // of each of the people
}

// holding says how much there is in a library.
type holding struct{ points, paths, people int }

// smallLibrary is a library where it does not matter how much there is: one thing of each
// kind for each connection.
var smallLibrary = holding{points: 5 * benchConnections, paths: benchConnections, people: benchConnections}

// sentence makes a point's answer about 1 KB.
var sentence = strings.Repeat("What a learner should know of this before going on. ", 13)

// fill makes a library over HTTP, and waits until all of it can be read.
func fill(b *testing.B, url string, signer *auth.Signer, size holding) *library {
	b.Helper()
	l := &library{
		url: url, people: make([]load.Person, size.people), goals: make([]string, size.people),
		points: make([]string, size.points), paths: make([]string, size.paths),
	}
	l.each(b, size.people, func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) (err error) {
		l.people[u.N], err = load.Register(ctx, conn, signer)
		return err
	})
	claims := auth.Claims{User: uuid.MustParse(l.people[0].ID), Session: uuid.New(), Role: string(events.Curator)}
	curator, err := signer.Sign(claims, time.Hour)
	require.NoError(b, err)
	conn, err := loadtest.Dial(b.Context(), url)
	require.NoError(b, err)
	defer conn.Close()
	l.batches(b, conn, curator, size.points, func(i int) []string {
		l.points[i] = newID()
		return []string{batched("point.create", fmt.Sprintf(`"id":%q,"title":"Point %d 知识点","category":"mathematics","description":%q`, l.points[i], i, sentence))}
	})
	l.batches(b, conn, curator, size.paths, func(i int) []string {
		l.paths[i] = newID()
		five, _ := json.Marshal(l.points[5*i : 5*i+5])
		return []string{
			batched("path.create", fmt.Sprintf(`"id":%q,"title":"Path %d","points":%s`, l.paths[i], i, five)),
			batched("path.publish", fmt.Sprintf(`"id":%q`, l.paths[i])),
		}
	})
	l.each(b, size.people, func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		l.goals[u.N] = newID()
		a, err := send(ctx, conn, l.people[u.N].Token, []string{
			batched("goal.create", fmt.Sprintf(`"id":%q,"title":"Goal %d","description":%q,"visibility":"public","paths":[%q]`, l.goals[u.N], u.N, sentence[:200], l.paths[u.N%size.paths])),
			batched("goal.start", fmt.Sprintf(`"id":%q`, l.goals[u.N])),
		})
		if err != nil {
			return err
		}
		return l.people[u.N].Await(ctx, conn, "/v1/users/me", a) // all that a goal shows, and a profile
	})
	return l
}

// each does something for each of n, many at a time.
func (l *library) each(b *testing.B, n int, work loadtest.Work) {
	b.Helper()
	r, err := loadtest.Load{URL: l.url, Connections: min(n, benchConnections), Units: n, Duration: loadtest.MaxDuration, Work: work}.Run(b.Context())
	require.NoError(b, err)
	require.NoError(b, r.Err)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func batched(typ, data string) string {
	return fmt.Sprintf(`{"id":%q,"type":%q,"data":{%s}}`, newID(), typ, data)
}

// batches sends the commands of n things, and waits until every view has the last.
func (l *library) batches(b *testing.B, conn *loadtest.Conn, token string, n int, of func(int) []string) {
	b.Helper()
	const most = 500 // well under a MiB
	var list []string
	for i := range n {
		list = append(list, of(i)...)
		if len(list) < most && i < n-1 {
			continue
		}
		a, err := send(b.Context(), conn, token, list)
		require.NoError(b, err)
		list = nil
		if i == n-1 {
			require.NoError(b, load.Person{Token: token}.Await(b.Context(), conn, "/v1/statistics", a))
		}
	}
}

// send has a batch of commands done, all of them.
func send(ctx context.Context, conn *loadtest.Conn, token string, commands []string) (loadtest.Answer, error) {
	a, err := conn.Do(ctx, loadtest.Request{
		Method: http.MethodPost, Path: "/v1/commands", Token: token, Body: `{"commands":[` + strings.Join(commands, ",") + `]}`,
	})
	if _, refused, found := strings.Cut(string(a.Body), `"code"`); err == nil && found {
		err = errors.New("a command was refused: " + refused[:min(200, len(refused))])
	}
	return a, err
}

// more makes some more goals, each of a path.
func more(b *testing.B, l *library, goals int, description string) {
	b.Helper()
	conn, err := loadtest.Dial(b.Context(), l.url)
	require.NoError(b, err)
	defer conn.Close()
	l.batches(b, conn, l.people[0].Token, goals, func(i int) []string {
		return []string{batched("goal.create", fmt.Sprintf(`"id":%q,"title":"Goal %d","description":%q,"visibility":"public","paths":[%q]`, newID(), i, description, l.paths[i%len(l.paths)]))}
	})
}

// studyDays are the days on which eight people study every point.
const studyDays = 10

// studyDay is one of those days, or one before them, by how long ago it is.
func studyDay(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly) }

// studied has eight people study every point on each of some days.
func studied(b *testing.B, l *library) {
	b.Helper()
	conn, err := loadtest.Dial(b.Context(), l.url)
	require.NoError(b, err)
	defer conn.Close()
	for _, person := range l.people[:8] {
		l.batches(b, conn, person.Token, len(l.points), func(i int) (list []string) {
			for day := range studyDays {
				list = append(list, batched("study.record", fmt.Sprintf(`"id":%q,"amount":1,"kind":"minutes","occurred_at":"%sT00:00:00Z"`, l.points[i], studyDay(day))))
			}
			return list
		})
	}
}

// kept is an answer as the bare handler serves it.
type kept struct {
	Path string `json:"path"`
	ETag string `json:"etag"`
	Body string `json:"body"`
}

// answers reads what the system says to the paths, into a file for the bare
// handler too.
func (l *library) answers(b *testing.B, paths func(yield func(path string, p load.Person))) (file string, list []kept) {
	b.Helper()
	conn, err := loadtest.Dial(b.Context(), l.url)
	require.NoError(b, err)
	defer conn.Close()
	var lines strings.Builder
	paths(func(path string, p load.Person) {
		a, err := conn.Do(b.Context(), loadtest.Request{Method: http.MethodGet, Path: path, Token: p.Token})
		require.NoError(b, err)
		k := kept{path, a.Header.Get("ETag"), string(a.Body)}
		line, err := json.Marshal(k)
		require.NoError(b, err)
		lines.Write(append(line, '\n'))
		list = append(list, k)
	})
	file = filepath.Join(b.TempDir(), "answers")
	require.NoError(b, os.WriteFile(file, []byte(lines.String()), 0o600))
	return file, list
}

// everything names all that is read, each as somebody asks for it: people's profiles and
// goals are asked for by whoever is so many places further on, by themselves for 0.
func (l *library) everything(beside int) func(yield func(string, load.Person)) {
	return func(yield func(string, load.Person)) {
		for i, id := range l.points {
			yield("/v1/points/"+id, l.person(i))
		}
		for i, p := range l.people {
			yield("/v1/users/"+p.ID, l.person(i+beside))
			yield("/v1/goals/"+l.goals[i], l.person(i+beside))
		}
	}
}

// person is one of the people; they are gone through again and again.
func (l *library) person(n int) load.Person { return l.people[n%len(l.people)] }

// target says what is asked for by the n-th request, over a connection of that number, and
// who asks.
type target func(conn, n int) (path string, asks load.Person)

// scatter is a number for the n-th request, spread such that none comes again before all of
// a few thousand have.
func scatter(n, of int) int { return n * 7919 % of }

func (l *library) point(conn, n int) (string, load.Person) {
	return "/v1/points/" + l.points[scatter(n, len(l.points))], l.person(conn)
}

// user is another's profile, almost always.
func (l *library) user(conn, n int) (string, load.Person) {
	return "/v1/users/" + l.person(scatter(n, len(l.people))).ID, l.person(conn)
}

// self is one's own profile, each time somebody else's.
func (l *library) self(_, n int) (string, load.Person) {
	p := l.person(scatter(n, len(l.people)))
	return "/v1/users/" + p.ID, p
}

func (l *library) goal(conn, n int) (string, load.Person) {
	return "/v1/goals/" + l.goals[scatter(n, len(l.goals))], l.person(conn)
}

// reading asks for what a target says.
func (l *library) reading(of target, headers func(path string) []string) loadtest.Work {
	return func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		path, asks := of(conn.Index, u.N)
		r := loadtest.Request{Method: http.MethodGet, Path: path, Token: asks.Token}
		if headers != nil {
			r.Headers = headers(path)
		}
		_, err := conn.Do(ctx, r)
		return err
	}
}
