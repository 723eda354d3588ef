package main

import (
	"context"
	"encoding/json"
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

// library is what the read benchmarks ask a system for: knowledge points, and
// people each of whom has a public goal with one path of five points.
type library struct {
	url     string
	curator string // a token
	people  []load.Person
	points  []string // ids, as all of these
	paths   []string
	goals   []string
}

// sentence makes a point's answer about 1 KB.
var sentence = strings.Repeat("What a learner should know of this before going on. ", 13)

// fill makes a library over HTTP, and waits until all of it can be read.
func fill(b *testing.B, url string, signer *auth.Signer, points int) *library {
	b.Helper()
	l := &library{url: url, people: make([]load.Person, benchConnections)}
	conn, err := loadtest.Dial(b.Context(), url)
	require.NoError(b, err)
	defer conn.Close()
	for i := range l.people {
		l.people[i], err = load.Register(b.Context(), conn, signer)
		require.NoError(b, err)
	}
	curator := auth.Claims{User: uuid.MustParse(l.people[0].ID), Session: uuid.New(), Role: string(events.Curator)}
	l.curator, err = signer.Sign(curator, time.Hour)
	require.NoError(b, err)
	l.points = make([]string, points)
	l.batches(b, conn, l.curator, points, func(i int) []string {
		l.points[i] = newID()
		return []string{batched("point.create", fmt.Sprintf(`"id":%q,"title":"Point %d 知识点","category":"mathematics","description":%q`, l.points[i], i, sentence))}
	})
	l.batches(b, conn, l.curator, len(l.people), func(i int) []string {
		id := newID()
		l.paths = append(l.paths, id)
		five, _ := json.Marshal(l.points[5*i : 5*i+5])
		return []string{
			batched("path.create", fmt.Sprintf(`"id":%q,"title":"Path %d","points":%s`, id, i, five)),
			batched("path.publish", fmt.Sprintf(`"id":%q`, id)),
		}
	})
	for i, p := range l.people {
		id := newID()
		l.goals = append(l.goals, id)
		l.batches(b, conn, p.Token, 1, func(int) []string {
			return []string{
				batched("goal.create", fmt.Sprintf(`"id":%q,"title":"Goal %d","description":%q,"visibility":"public","paths":[%q]`, id, i, sentence[:200], l.paths[i])),
				batched("goal.start", fmt.Sprintf(`"id":%q`, id)),
			}
		})
	}
	return l
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func batched(typ, data string) string {
	return fmt.Sprintf(`{"id":%q,"type":%q,"data":{%s}}`, newID(), typ, data)
}

// batches sends the commands of n things, and waits until the last can be read.
func (l *library) batches(b *testing.B, conn *loadtest.Conn, token string, n int, of func(int) []string) {
	b.Helper()
	const most = 500 // well under a MiB
	var list []string
	for i := range n {
		list = append(list, of(i)...)
		if len(list) < most && i < n-1 {
			continue
		}
		a, err := conn.Do(b.Context(), loadtest.Request{
			Method: http.MethodPost, Path: "/v1/commands", Token: token, Body: `{"commands":[` + strings.Join(list, ",") + `]}`,
		})
		require.NoError(b, err)
		if _, refused, found := strings.Cut(string(a.Body), `"code"`); found {
			b.Fatal("a command was refused: ", refused[:min(200, len(refused))])
		}
		list = nil
		if i == n-1 {
			require.NoError(b, load.Person{Token: token}.Await(b.Context(), conn, "/v1/goals?limit=1", a))
		}
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

// everything names all that is read, each thing as asked for by one of the people.
func (l *library) everything(yield func(string, load.Person)) {
	for i, id := range l.points {
		yield("/v1/points/"+id, l.people[i%len(l.people)])
	}
	for i, p := range l.people {
		yield("/v1/users/"+p.ID, p)
		yield("/v1/goals/"+l.goals[i], p)
	}
}

// reading asks for the paths that target gives, as the person of the connection.
func (l *library) reading(target func(conn, n int) string, headers func(path string) []string) loadtest.Work {
	return func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		path := target(conn.Index, u.N)
		r := loadtest.Request{Method: http.MethodGet, Path: path, Token: l.people[conn.Index%len(l.people)].Token}
		if headers != nil {
			r.Headers = headers(path)
		}
		_, err := conn.Do(ctx, r)
		return err
	}
}
