package profile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestProfilesAreTakenAndCapped(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "profiles")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{Folder: folder, Every: 20 * time.Millisecond, CPU: 10 * time.Millisecond, Keep: 2, Logger: slog.New(slog.DiscardHandler)})
	}()
	seen := map[string]bool{}
	deadline := time.Now().Add(time.Minute)
	for len(seen) < 10 { // of both kinds, so some must have been deleted
		require.True(t, time.Now().Before(deadline), "profiles do not come: %v", seen)
		for _, name := range list(folder) {
			seen[name] = true
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	require.NoError(t, <-done)
	left := list(folder)
	require.Len(t, left, 4, "two of each kind: %v", left)
	for _, name := range left {
		info, err := os.Stat(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Positive(t, info.Size(), name)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}

func list(folder string) (names []string) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".pprof") {
			names = append(names, e.Name())
		}
	}
	return names
}

// A folder that cannot be is an error at the start, not at night.
func TestProfilesNeedAFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, Run(t.Context(), Config{Folder: filepath.Join(file, "x"), Every: time.Second}))
}

func TestProfilesOverHTTP(t *testing.T) {
	t.Parallel()
	e := echo.New()
	Register(e)
	for path, begins := range map[string]string{
		"/debug/pprof/": "<html>", "/debug/pprof/heap": "\x1f\x8b", "/debug/pprof/goroutine?debug=1": "goroutine profile", "/debug/pprof/mutex": "\x1f\x8b",
		"/debug/pprof/nothing": "Unknown profile",
	} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		body, err := io.ReadAll(w.Body)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(body), begins), fmt.Sprintf("%s: %.40q", path, body))
	}
}

// What waits for a lock, and what blocks, is recorded as often as was asked for.
func TestRatesAreInForce(t *testing.T) {
	t.Cleanup(func() { SetRates(0, 0) })
	SetRates(1, 1)
	require.Equal(t, 1, runtime.SetMutexProfileFraction(-1))
	mutexes, blocks := recorded(runtime.MutexProfile), recorded(runtime.BlockProfile)
	var mu sync.Mutex
	held, woken := make(chan struct{}), make(chan struct{})
	mu.Lock()
	go func() {
		close(held)
		mu.Lock()
		defer mu.Unlock()
		close(woken)
	}()
	<-held
	for !waits(t) { // until it stands in line for the lock
		runtime.Gosched()
	}
	mu.Unlock()
	<-woken
	require.Greater(t, recorded(runtime.MutexProfile), mutexes)
	require.Greater(t, recorded(runtime.BlockProfile), blocks)

	SetRates(0, 0)
	require.Zero(t, runtime.SetMutexProfileFraction(-1))
}

// recorded is how many events a profile has.
func recorded(profile func([]runtime.BlockProfileRecord) (int, bool)) (events int64) {
	records := make([]runtime.BlockProfileRecord, 10_000)
	n, _ := profile(records)
	for _, r := range records[:n] {
		events += r.Count
	}
	return events
}

// waits tells whether a goroutine stands in line for a lock.
func waits(t *testing.T) bool {
	var all bytes.Buffer
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&all, 2))
	return strings.Contains(all.String(), "[sync.Mutex.Lock")
}
