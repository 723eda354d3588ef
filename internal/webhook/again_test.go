package webhook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/projector"
	"sical-backend/internal/rebuild"
	"sical-backend/internal/reconcile"
	"sical-backend/internal/relay"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// Whatever makes views or the stream anew moves no position: what was delivered is
// never delivered again, and what comes after is.
func TestNothingMadeAnewFiresAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn := testkit.NATS(t).Connect()
	js := testkit.JetStream(t, conn)
	log := eventlog.NewReader(w.open(postgres.RoleRelay))
	relaying := relay.Config{Log: log, NATS: conn, Logger: w.logger, Meter: quiet{}}
	forward, err := relay.New(relaying)
	require.NoError(t, err)
	w.run(forward.Run)
	as, views := w.project()
	r := newReceiver(t, nil)
	id := w.hook(r.URL, "point.*")
	w.deliver(brief, loopback, w.feed(js))
	ids := w.points(3)
	require.Equal(t, ids, r.subjects(t, 3))
	went := func(on string) {
		t.Helper()
		ids = append(ids, w.points(2)...)
		require.Equal(t, ids, r.subjects(t, len(ids)), on)
	}

	for _, v := range views {
		if v == projections.Point.View || v == projections.Webhook.View {
			w.rebuilds(as, v)
		}
	}
	went("after a rebuild of views")

	sent, err := relay.Replay{Log: log, NATS: conn, From: 1, Subject: "outside.again"}.Send(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, w.head(), sent)
	went("after a replay")

	restoring, err := relay.New(relaying)
	require.NoError(t, err)
	reconciler, err := reconcile.New(reconcile.Config{Log: log, NATS: conn, Logger: w.logger, Meter: quiet{}, Relay: restoring})
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), wire.Stream)
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), strings.Replace(wire.Subjects, "*", "stray", 1), []byte(`{}`))
	require.NoError(t, err)
	testkit.Eventually(t, func() error { // by this one, or the relay itself
		if _, err := reconciler.Reconcile(t.Context(), reconcile.Request{}); err != nil {
			return err
		}
		info, err := js.Stream(t.Context(), wire.Stream)
		if err == nil && info.CachedInfo().Created.Equal(stream.CachedInfo().Created) {
			err = errors.New("the stream is the one that was spoilt")
		}
		return err
	})
	went("after a repair of the stream")

	require.NoError(t, js.DeleteStream(t.Context(), wire.Stream))
	went("with a new stream")
	w.eventually(id, func(position uint64, failures int, _ string) bool { return position == w.head() && failures == 0 })
	require.Equal(t, ids, r.subjects(t, len(ids)), "at rest")
}

func (quiet) Relayed(int, uint64) {}
func (quiet) Reconciled(int, int) {}
func (quiet) Repaired()           {}
func (quiet) Failed()             {}

// project folds the views, and does what is asked to be done to them, until the
// test ends.
func (w *world) project() (as *pgxpool.Pool, views []*projections.View) {
	w.t.Helper()
	as, views = w.open(postgres.RoleProjector), projections.Views()
	w.run(projector.New(projector.Config{
		Pool: as, Log: eventlog.NewReader(as), Views: views, Rebuilds: true,
		Metrics: telemetry.NewProjection(prometheus.NewRegistry()), Logger: w.logger,
	}).Run)
	w.run(rebuild.New(rebuild.Config{Pool: as, Views: views, Logger: w.logger}).Run)
	return as, views
}

// rebuilds makes a view anew beside the one that is read, and changes over.
func (w *world) rebuilds(as *pgxpool.Pool, v *projections.View) {
	w.t.Helper()
	serving := func() (b projections.Build) {
		testkit.Eventually(w.t, func() (err error) {
			b, err = rebuild.Serving(w.t.Context(), as, v)
			return err
		})
		return b
	}
	before := serving()
	require.NoError(w.t, rebuild.Start(w.t.Context(), as, v, rebuild.Request{}))
	testkit.Eventually(w.t, func() error {
		job, err := rebuild.Look(w.t.Context(), as, v, rebuild.KindRebuild)
		if err == nil && job.State != rebuild.Done {
			err = fmt.Errorf("the rebuild is %+v", job)
		}
		return err
	})
	require.Greater(w.t, serving().Number, before.Number)
}

func (w *world) head() (position uint64) {
	w.t.Helper()
	require.NoError(w.t, w.admin.QueryRow(w.t.Context(), `select coalesce(max(position), 0) from sical.events`).Scan(&position))
	return position
}

func (w *world) run(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(time.Minute):
			w.t.Error("does not end")
		}
	})
}
