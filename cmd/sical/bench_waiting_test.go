package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/loadtest"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// BenchmarkWaitingReaders has 2,000 readers wait over HTTP for what they have
// written, while the view cannot go on, and tells how much memory the process takes
// more than it had when it was idle; required is at most 150 MB. Then the view goes on, and
// all are answered.
func BenchmarkWaitingReaders(b *testing.B) {
	const readers = 2000
	program := filepath.Join(b.TempDir(), "sical")
	build(b, ".", program)
	system, signer := startSical(b, program)
	l := fill(b, system.PublicURL, signer, smallLibrary)
	watch, err := loadtest.Dial(b.Context(), system.AdminURL)
	require.NoError(b, err)
	defer watch.Close()
	var most int64
	for b.Loop() {
		before := idleMemory(b, system.PID)
		release := hold(b, system.PostgresURLs[postgres.RoleProjector], projections.Goal.Build(1).Table())
		conn, err := loadtest.Dial(b.Context(), l.url)
		require.NoError(b, err)
		_, written, err := l.people[0].CreateGoal(b.Context(), conn, loadtest.Unit{})
		require.NoError(b, err)
		conn.Close()
		wait := []string{"Sical-Min-Position: " + written.Header.Get("Sical-Position"), "Prefer: wait=5"}
		work := l.reading(l.goal, func(string) []string { return wait })
		ended := make(chan *loadtest.Result, 1)
		go func() {
			r, err := loadtest.Load{URL: l.url, Connections: readers, Units: readers, Duration: loadtest.MaxDuration, Work: work}.Run(b.Context())
			if err != nil {
				b.Error(err)
			}
			ended <- r
		}()
		testkit.Eventually(b, func() error {
			a, err := watch.Do(b.Context(), loadtest.Request{Method: http.MethodGet, Path: "/metrics"})
			if err == nil && !strings.Contains(string(a.Body), fmt.Sprintf("\nsical_waiting_readers %d\n", readers)) {
				err = errors.New("not all wait yet")
			}
			return err
		})
		most = max(most, loadtest.Memory(system.PID)-before)
		release()
		r := <-ended
		require.NoError(b, r.Err)
		require.Zero(b, r.Failed)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(most)/(1<<20), "MB-more")
	testkit.AtMost(b, "MB more", float64(most)/(1<<20), 150)
}

// idleMemory is what a process has that nobody asks for a minute, in which it gives back what it
// had for what was before (heap.GiveBack): garbage that is used anew would hide what is added.
func idleMemory(b *testing.B, pid int) int64 {
	b.Helper()
	least := loadtest.Memory(pid)
	for range 65 {
		time.Sleep(time.Second) // there is nothing to wait for but that nothing happens
		least = min(least, loadtest.Memory(pid))
	}
	require.Positive(b, least)
	return least
}

// hold keeps everybody from writing to a table until release is called.
func hold(b testing.TB, url, table string) (release func()) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close(context.Background()) }) // also where release is not come to
	tx, err := conn.Begin(b.Context())
	require.NoError(b, err)
	_, err = tx.Exec(b.Context(), `lock table `+table+` in share mode`)
	require.NoError(b, err)
	return func() {
		require.NoError(b, tx.Rollback(b.Context()))
		require.NoError(b, conn.Close(b.Context()))
	}
}
