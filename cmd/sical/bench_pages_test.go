package main

import (
	"context"
	"crypto/md5"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
)

const (
	listedGoals = 100_000
	pageSize    = 20
	farPage     = 1000
	viewers     = 8192 // far more than a cache of 1,000 bytes remembers
)

// BenchmarkPages plays pages of 20 of 100,000 public goals, the first and the 1,000th,
// against those of the design that sical replaces, which counts all and skips those
// before (its list is of one user's goals, here all of them). Every page is asked for by
// somebody else, and memory keeps none: all come from Postgres. The goals have no paths, so nobody's
// progress is read, as the peer has none. Required is that page 1,000 takes at most 1.5 times what
// page 1 does, and that sical gives at least 5 times as many of either in a second as the peer.
func BenchmarkPages(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "sical")
	build(b, ".", program)
	system, signer := startSical(b, program, "--rate-limit", "1000000", "--rate-burst", "1000000", "--cache-bytes", "1")
	system.take(b, presence(b, 0, presentUsers, listedGoals, "public"))
	tokens := make([]string, viewers)
	var err error
	for i := range tokens {
		viewer := auth.Claims{User: uuid.New(), Session: uuid.New(), Role: string(events.Learner)}
		tokens[i], err = signer.Sign(viewer, time.Hour)
		require.NoError(b, err)
	}
	peer, database := peer(b, dir)
	takeRows(b, database, 1, listedGoals)
	owner := uuid.UUID(md5.Sum([]byte("user 0")))

	skipped := func(page int) *contender {
		path := fmt.Sprintf("/users/%s/goals?page=%d&page_size=%d", owner, page, pageSize)
		return &contender{name: fmt.Sprint("seed's page ", page), url: peer.url, roots: peer.roots,
			work: func(ctx context.Context, conn *loadtest.Conn, _ loadtest.Unit) error {
				_, err := conn.Do(ctx, loadtest.Request{Method: http.MethodGet, Path: path})
				return err
			}}
	}
	keyset := func(page int, cursor string) *contender {
		path := fmt.Sprintf("/v1/goals?limit=%d%s", pageSize, cursor)
		return &contender{name: fmt.Sprint("page ", page), url: system.PublicURL, roots: []int{system.PID},
			work: func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
				_, err := conn.Do(ctx, loadtest.Request{Method: http.MethodGet, Path: path, Token: tokens[u.N%viewers]})
				return err
			}}
	}
	far := "&cursor=" + cursorOf(b, system.PublicURL, (farPage-1)*pageSize)
	contenders := []*contender{skipped(1), keyset(1, ""), skipped(farPage), keyset(farPage, far)}
	play(b, contenders...)
	rates := make([]float64, len(contenders))
	for i, c := range contenders {
		rates[i] = loadtest.Median(c.rates)
	}
	b.ReportMetric(rates[1]/rates[3], "page-1-per-page-1000")
	b.ReportMetric(rates[1]/rates[0], "page-1-times-seed's")
	b.ReportMetric(rates[3]/rates[2], "page-1000-times-seed's")
	testkit.AtMost(b, "times one page of the other, 1 and 1,000,", max(rates[1]/rates[3], rates[3]/rates[1]), 1.5)
	testkit.AtLeast(b, "times the rate of the seed's page 1", rates[1]/rates[0], 5)
	testkit.AtLeast(b, "times the rate of the seed's page 1,000", rates[3]/rates[2], 5)
}

// cursorOf walks the public goals to where so many are behind.
func cursorOf(b *testing.B, url string, goals int) (cursor string) {
	b.Helper()
	conn, err := loadtest.Dial(b.Context(), url)
	require.NoError(b, err)
	defer conn.Close()
	const widest = 200
	for goals > 0 {
		limit := min(goals, widest)
		path := fmt.Sprintf("/v1/goals?limit=%d", limit)
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		a, err := conn.Do(b.Context(), loadtest.Request{Method: http.MethodGet, Path: path})
		require.NoError(b, err)
		var page struct {
			Items []struct{} `json:"items"`
			Next  string     `json:"next_cursor"`
		}
		require.NoError(b, json.Unmarshal(a.Body, &page))
		require.Len(b, page.Items, limit)
		cursor = page.Next
		goals -= limit
	}
	return cursor
}
