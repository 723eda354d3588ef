package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/projector"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// TestRetryDoesNotWaitForNobody: a view that is paused is not folded before it is resumed, and
// one without a projector before there is one. What was asked for stays so.
func TestRetryDoesNotWaitForNobody(t *testing.T) {
	t.Parallel()
	for state, why := range map[string]string{
		"paused": "goal is paused: `sical projections resume goal`",
		"live":   "nobody folds goal just now",
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL}
			admin, err := pgxpool.New(t.Context(), c.PostgresURL)
			require.NoError(t, err)
			defer admin.Close()
			v := projections.Goal.View
			_, err = admin.Exec(t.Context(), `
				insert into sical.projection (view, version, build, shard, incarnation, state) values ($1, $2, 1, 0, gen_random_uuid(), $3)`, v.Name, v.Version, state)
			require.NoError(t, err)
			_, err = admin.Exec(t.Context(), `
				insert into sical.parked (view, version, build, shard, name, position, stream, type, names, error, attempts)
				values ($1, $2, 1, 0, 'one', 7, 'goal-one', 'goal.created', '{}', 'no', 3), ($1, $2, 1, 0, 'two', 8, 'goal-two', 'goal.created', '{}', 'no', 3)`, v.Name, v.Version)
			require.NoError(t, err)

			var out bytes.Buffer
			done := make(chan error, 1)
			a := tool(t, c)
			go func() {
				done <- (&ViewRetry{Name: viewName(v.Name), Key: "two", JSON: true}).Run(t.Context(), a, &output{&out})
			}()
			require.ErrorContains(t, testkit.Receive(t, done), why)
			var park projector.Park
			require.NoError(t, json.Unmarshal(out.Bytes(), &park), "one object: %s", &out)
			require.Equal(t, []any{"two", true, state == "paused", false}, []any{park.Key, park.Retry, park.Paused, park.Owned})
			list, err := projector.Parked(t.Context(), admin, v.Name)
			require.NoError(t, err)
			require.Len(t, list, 2)
			require.Equal(t, []bool{false, true}, []bool{list[0].Retry, list[1].Retry})
		})
	}
}
