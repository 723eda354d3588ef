package main

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
)

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{}, {"dance"}, {"serve", "--no-such-flag"}, {"serve", "--log-format", "loud"}, {"token"}, {"import", "oulad"},
		{"import", "oulad", "/no/such/folder"}, {"import", "ndjson", "/no/such/file"}, {"token", "--user", "a", "--username", "b"},
		{"events", "tail", "--type", "goal.exploded"}, {"events", "tail", "--stream", "goal"}, {"events", "tail", "--stream", "dragon-" + uuid.NewString()},
		{"token", "--user", "nobody"}, {"token", "--username", "ada", "--role", "god"}, {"query"}, {"command"}, {"projector"},
		{"projections", "rebuild", "goal", "--shards", "1000"}, {"projections", "rebuild", "goal", "--rate=-1"},
		{"migrate", "--role-passwords", "."}, {"migrate", "--role-passwords", ".", "--postgres-url", "postgres://localhost/", "--check"},
		{"events", "replay", "--from", "1", "--subject", "sical.events.goal"}, {"events", "tail", "--from", "-1"}, {"events", "tail", "--from"},
		{"token", "--username", "ada", "--ttl", "5h"}, {"token", "--username", "ada", "--ttl", "-5m"}, {"token", "--username", "ada", "--ttl=-5m"},
		{"projections", "rebuild", "nothing"}, {"projections", "parked", "nothing"}, {"projections", "retry", "nothing"}, {"projections", "pause", "nothing"},
		{"bench", "--rounds", "0"}, {"bench", "--connections", "0"}, {"bench", "--connections", "1000000"},
		{"serve", "--stream-replicas", "3", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", t.TempDir()},
		{"bench", "--rate", "100001"}, {"bench", "--seconds", "601"}, {"projections", "verify", "goal", "--sample=-5"},
		{"events", "replay", "--from", "5", "--to", "1", "--subject", "audit.again"}, {"events", "replay", "--from", "0", "--subject", "audit.again"},
		{"events", "reconcile", "--from", "5", "--to", "2"}, {"serve", "--listen", "127.0.0.1:99999"}, {"serve", "--admin-listen", ":x"},
		{"projections", "verify", "nothing"}, {"projections", "rollback", "nothing"}, {"projections", "cancel", "nothing"}, {"projections", "approve", "nothing"},
	} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, misuse, run(args, &stdout, &stderr), "%v", args)
		assert.NotEmpty(t, stderr.String(), "%v", args)
		assert.Empty(t, stdout.String(), "%v", args)
	}
	var stdout, stderr bytes.Buffer
	assert.Zero(t, run([]string{"serve", "--help"}, &stdout, &stderr))
	assert.Contains(t, stdout.String(), "SICAL_DATA_DIR")
	assert.Zero(t, run([]string{"version"}, &stdout, &stderr))

	for flag, args := range map[string][]string{
		"--user": {"token", "--user", "nobody"}, "--subject": {"events", "replay", "--from", "1", "--subject", "sical.events.goal"},
		"one of learner, curator, moderator, admin is expected":                     {"token", "--username", "ada", "--role", "god"},
		"--role-passwords is about the Postgres of --postgres-url":                  {"migrate", "--role-passwords", "."},
		"--postgres-url and --nats-url":                                             {"query"},
		"--from: a value is missing; one that begins with - is written --from=-1\n": {"events", "tail", "--from", "-1"},
		"--ttl: a value is missing\n":                                               {"token", "--username", "ada", "--ttl", "--role"},
		"--ttl: a token lives from 1s to 1h, not 5h0m0s\n":                          {"token", "--username", "ada", "--ttl", "5h"},
		"--rate is from 0 to 2147483647":                                            {"projections", "rebuild", "goal", "--rate", "9223372036854775807"},
		`there is no view "nothing"`:                                                {"projections", "retry", "nothing"},
	} {
		stderr.Reset()
		run(args, &stdout, &stderr)
		assert.Contains(t, stderr.String(), flag, "what is wrong is named")
	}
}
