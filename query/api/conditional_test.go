package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// counting counts round trips, without those in which the node asks where the views are.
type counting struct{ n atomic.Int64 }

func (c *counting) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (*counting) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *counting) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	if !strings.HasPrefix(b.Batch.QueuedQueries[0].SQL, "-- list projection") { // four times a second
		c.n.Add(1)
	}
	return ctx
}

func (*counting) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (*counting) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// long makes a point whose answer is worth compressing.
func long(w *world) events.ID {
	return w.begin(w.register("curator"), events.KindPoint, &events.PointCreated{
		Title: "Long", Description: strings.Repeat("笔画 strokes, one after the other. ", 100), Difficulty: 1,
	})
}

// TestFormsAreKeptWithTheAnswer: each coding has an entity tag of its own, decodes
// to the same bytes, and is made, like the answer itself, once for everyone.
func TestFormsAreKeptWithTheAnswer(t *testing.T) {
	t.Parallel()
	statements := &counting{}
	w := newWorld(t, statements)
	target := "/v1/points/" + long(w).String()
	w.project()
	plain := w.get(target, "")
	require.Equal(t, http.StatusOK, plain.status, plain.body)
	w.eventually(func() error { // until the views are heard of
		before := statements.n.Load()
		if w.get(target, ""); statements.n.Load() != before {
			return fmt.Errorf("not from memory")
		}
		return nil
	})
	before := statements.n.Load()
	tags := map[string]bool{plain.header.Get("ETag"): true}
	for coding, decode := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
	} {
		first := w.get(target, "", "Accept-Encoding", coding)
		require.Equal(t, coding, first.header.Get("Content-Encoding"))
		require.Less(t, len(first.body), len(plain.body)/4)
		decoder, err := decode(strings.NewReader(first.body))
		require.NoError(t, err)
		body, err := io.ReadAll(decoder)
		require.NoError(t, err)
		require.Equal(t, plain.body, string(body))
		tag := first.header.Get("ETag")
		tags[tag] = true

		var herd sync.WaitGroup
		for range 20 {
			herd.Go(func() {
				if again := w.get(target, "", "Accept-Encoding", coding); !bytes.Equal([]byte(again.body), []byte(first.body)) {
					t.Error("another form")
				}
			})
		}
		herd.Wait()
		same := w.get(target, "", "Accept-Encoding", coding, "If-None-Match", tag)
		require.Equal(t, http.StatusNotModified, same.status)
		require.Equal(t, tag, same.header.Get("ETag"))
		require.Empty(t, same.body)
	}
	require.Len(t, tags, 3)
	require.Equal(t, before, statements.n.Load(), "neither a form nor a 304 asks the database")
}

// TestUnchangedHasTheTagOfTheAnswer that would be sent now, in whichever coding the client has it.
func TestUnchangedHasTheTagOfTheAnswer(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	large := long(s.world)
	s.project()
	for _, id := range []events.ID{large, s.strokes} {
		target := "/v1/points/" + id.String()
		plain := s.caughtUp(target, "").header.Get("ETag")
		for _, accepted := range []string{"", "gzip", "zstd", "br", "gzip, zstd", "gzip;q=0, *"} {
			sent := s.get(target, "", "Accept-Encoding", accepted)
			require.Equal(t, http.StatusOK, sent.status)
			for _, suffix := range []string{"", "-gzip", "-zstd"} {
				has := strings.TrimSuffix(plain, `"`) + suffix + `"`
				same := s.get(target, "", "Accept-Encoding", accepted, "If-None-Match", has)
				require.Equal(t, http.StatusNotModified, same.status)
				require.Equal(t, sent.header.Get("ETag"), same.header.Get("ETag"), "%s by who accepts %q", has, accepted)
			}
		}
	}
}

func TestWhoMayKeepAnAnswer(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	const nobody, client, proxy = "no-store", "private, no-cache", "public, max-age=0, s-maxage=5"
	for target, want := range map[string]string{
		"/v1/statistics": proxy, "/v1/goals": proxy, "/v1/paths?limit=2": proxy, "/v1/points": proxy,
		"/v1/points?ids=" + s.strokes.String(): client, "/v1/points/" + s.strokes.String(): client,
		"/v1/goals/" + s.public.String(): client, "/v1/users/" + s.ann.String() + "/goals": client,
		"/v1/comments/" + s.onPoint.String(): client,
	} {
		anyone := s.get(target, "")
		require.Equal(t, http.StatusOK, anyone.status, target)
		require.Equal(t, want, anyone.header.Get("Cache-Control"), target)
		vary := strings.Join(anyone.header.Values("Vary"), ", ")
		for _, name := range []string{"Accept-Encoding", "Authorization", minPosition} {
			require.Contains(t, vary, name)
		}
		require.Equal(t, client, s.get(target, s.as(s.ann)).header.Get("Cache-Control"), target)
		require.Equal(t, nobody, s.get(target, "", minPosition, "1").header.Get("Cache-Control"), target)
	}
}
