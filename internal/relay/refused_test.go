package relay

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/eventlog/logtest"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// guarded starts a NATS on which one user may do anything, and one send again beneath
// replay. alone, and returns how to connect as either.
func guarded(t *testing.T) (connect func(user string) *nats.Conn) {
	t.Helper()
	dir := t.TempDir()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: testkit.Port(t), JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
		Users: []*server.User{{Username: "owner", Password: "x"}, {Username: "sender", Password: "x", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{"replay.>", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.REPLAYED"}},
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
		}}},
	})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(t, s.ReadyForConnections(time.Minute))
	return func(user string) *nats.Conn {
		t.Helper()
		conn, err := nats.Connect(s.ClientURL(), nats.UserInfo(user, "x"), nats.Timeout(time.Minute),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // a refusal is what is looked for
		require.NoError(t, err)
		t.Cleanup(conn.Close)
		return conn
	}
}

// What NATS refuses, it tells behind the back of whoever publishes: it is not sent.
func TestReplayFailsWhereItIsRefused(t *testing.T) {
	t.Parallel()
	log := logtest.New(t)
	log.Add(t, 1200)
	connect := guarded(t)
	owner, sender := connect("owner"), connect("sender")
	js := testkit.JetStream(t, owner)
	for name, subject := range map[string]string{"AUDIT": "audit.kept", "REPLAYED": "replay.kept"} {
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}})
		require.NoError(t, err)
	}
	heard := make(chan *nats.Msg, 2000)
	_, err := owner.ChanSubscribe("*.again", heard)
	require.NoError(t, err)
	require.NoError(t, owner.FlushTimeout(time.Minute))

	type outcome struct {
		sent uint64
		err  error
	}
	send := func(subject string) outcome {
		done := make(chan outcome, 1)
		go func() {
			sent, err := Replay{Log: log.Relay, NATS: sender, From: 1, Subject: subject}.Send(t.Context())
			done <- outcome{sent, err}
		}()
		return testkit.Receive(t, done)
	}
	for _, refused := range []string{"audit.again", "audit.kept", "audit.again"} {
		got := send(refused)
		require.ErrorIs(t, got.err, nats.ErrPermissionViolation, refused)
		assert.ErrorContains(t, got.err, refused)
		assert.Zero(t, got.sent)
	}
	assert.Empty(t, heard)

	// What was refused before is no reason against what comes now.
	for _, allowed := range []string{"replay.again", "replay.kept"} {
		require.Equal(t, outcome{sent: 1200}, send(allowed), allowed)
	}
	for position := range 1200 {
		require.Equal(t, "replay.again", testkit.Receive(t, heard).Subject, position)
	}
	stream, err := js.Stream(t.Context(), "REPLAYED")
	require.NoError(t, err)
	last, err := stream.GetMsg(t.Context(), 1200)
	require.NoError(t, err)
	assert.Equal(t, "1200", last.Header.Get(wire.Position))
}

// Acknowledgements that do not come are not waited for without end. This stream sends none,
// and the user may not look at how it is configured.
func TestReplayFailsWhereNothingIsAcknowledged(t *testing.T) {
	t.Parallel()
	log := logtest.New(t)
	log.Add(t, 3)
	connect := guarded(t)
	js := testkit.JetStream(t, connect("owner"))
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "QUIET", Subjects: []string{"replay.quiet"}, NoAck: true})
	require.NoError(t, err)
	sender, done := connect("sender"), make(chan error, 1)
	go func() {
		_, err := Replay{Log: log.Relay, NATS: sender, From: 1, Subject: "replay.quiet"}.Send(t.Context())
		done <- err
	}()
	require.ErrorIs(t, testkit.Receive(t, done), jetstream.ErrAsyncPublishTimeout)
}
