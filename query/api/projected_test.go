package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/projector"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// history is a log in memory, of the database's incarnation.
type history struct {
	*school
	events []events.Event
}

func (h history) Read(_ context.Context, after uint64, limit int) ([]events.Event, error) {
	rest := h.events[min(after, uint64(len(h.events))):]
	return rest[:min(limit, len(rest))], nil
}

func (h history) Head(context.Context) (uint64, error) { return uint64(len(h.events)), nil }

func (h history) Incarnation(ctx context.Context) (id events.ID, err error) {
	err = h.admin.QueryRow(ctx, `select incarnation from sical.log`).Scan(&id)
	return id, err
}

// TestTheProjectorMakesTheSameTables: what these tests fold and store by
// themselves is what the projector makes of the same log, to the byte.
func TestTheProjectorMakesTheSameTables(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	expected := s.tables()
	_, err := s.admin.Exec(t.Context(), `update sical.projection set position = 0`)
	require.NoError(t, err)
	for _, v := range projections.Views() {
		_, err := s.admin.Exec(t.Context(), `truncate `+v.Build(1).Table()+`, `+v.Build(1).TotalTable())
		require.NoError(t, err)
	}
	s.eventually(func() error { // it has heard that the views began anew
		if at := position(s.get("/v1/statistics", "")); at > 0 {
			return fmt.Errorf("still at %d", at)
		}
		return nil
	})
	log := history{s, s.log}
	for i := range log.events {
		log.events[i].Raw, err = events.Encode(log.events[i].Data)
		require.NoError(t, err)
	}
	s.record() // a projector goes no further than the table of the log
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	p := projector.New(projector.Config{
		Pool: s.projector, Log: log, Views: projections.Views(),
		Metrics: telemetry.NewProjection(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler),
	})
	go func() { ended <- p.Run(ctx) }()
	s.eventually(func() error {
		got := s.get("/v1/statistics", "", minPosition, strconv.Itoa(len(s.log)), "Prefer", "wait=1")
		if got.status != http.StatusOK {
			return errors.New(got.body)
		}
		// Before the node has noticed that the views fell back, it would say so, too.
		var least int
		require.NoError(t, s.admin.QueryRow(ctx, `select min(position) from sical.projection`).Scan(&least))
		if least < len(s.log) {
			return fmt.Errorf("folded up to %d", least)
		}
		return nil
	})
	cancel()
	require.NoError(t, testkit.Receive(t, ended))
	require.Equal(t, expected, s.tables())
}

// tables are the rows and sums of all views as text.
func (w *world) tables() (rows []string) {
	w.t.Helper()
	for _, v := range projections.Views() {
		for _, table := range []string{v.Build(1).Table(), v.Build(1).TotalTable()} {
			where := ""
			if table == v.Build(1).TotalTable() {
				where = " where value <> 0"
			}
			found, err := w.admin.Query(w.t.Context(), fmt.Sprintf(`select '%s ' || t::text from %s t%s order by 1`, v.Name, table, where))
			require.NoError(w.t, err)
			for found.Next() {
				var row string
				require.NoError(w.t, found.Scan(&row))
				rows = append(rows, row)
			}
			require.NoError(w.t, found.Err())
		}
	}
	return rows
}
