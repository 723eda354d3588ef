package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"sical-backend/internal/loadtest"
)

// BenchmarkCommandOverload is BenchmarkOverload of commands: one that reads nothing before it is
// appended, and one that loads what it changes, each connection something of its own.
//
// Nothing is required of it: a command costs a few tenths of a millisecond, and what four
// refusals beside each take is as much, nearly all of it in HTTP. How many are answered in time
// all the same is told, and that nobody is answered after seconds.
func BenchmarkCommandOverload(b *testing.B) {
	placeable(b)
	program := filepath.Join(b.TempDir(), "sical")
	build(b, ".", program)
	system, signer := startSical(b, program, "--rate-limit", "1000000", "--rate-burst", "1000000")
	const people = 6000 // one for each connection of a crowd
	l := fill(b, system.PublicURL, signer, holding{points: 5 * benchConnections, paths: benchConnections, people: people})

	create := func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		_, _, err := l.person(conn.Index).CreateGoal(ctx, conn, u)
		return err
	}
	revise := func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		_, err := conn.Do(ctx, loadtest.Request{
			Method: http.MethodPatch, Path: "/v1/goals/" + l.goals[conn.Index%len(l.goals)], Token: l.person(conn.Index).Token,
			Body: fmt.Sprintf(`{"title":"Goal, revised for the %dth time"}`, u.N),
		})
		return err
	}
	for _, command := range []struct {
		name string
		work loadtest.Work
	}{{"create", create}, {"revise", revise}} {
		asked := &useful{contender: contender{url: l.url, roots: []int{system.PID}, work: command.work}}
		b.Run(command.name+"/apart", func(b *testing.B) {
			place(b, system.PID, "0", "1")
			rush(b, asked)
		})
		b.Run(command.name+"/together", func(b *testing.B) {
			place(b, system.PID, everyProcessor, everyProcessor)
			rush(b, asked)
		})
	}
}
