package relay

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

func TestReplayRefusesSubjects(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"", "sical", "sical.events.goal", "sical.changes.goals", "sical.appended", "sical.anything", "audit.*", "audit.>",
		"a b", "a..b", ".a", "a.", "a\nb", "$JS.API.INFO", "$SYS.x", "_INBOX.abc",
	} {
		assert.ErrorIs(t, CheckSubject(subject), ErrSubject, "%q", subject)
	}
	for _, subject := range []string{"audit", "audit.again", "sicalx.events", "审计"} {
		assert.NoError(t, CheckSubject(subject), "%q", subject)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.Add(t, 2500)
	_, _ = s.relay(t)
	s.agrees(t, 0)
	conn := s.bus.Connect()
	js := testkit.JetStream(t, conn)
	last := func() uint64 {
		stream, err := js.Stream(t.Context(), wire.Stream)
		require.NoError(t, err)
		return stream.CachedInfo().State.LastSeq
	}

	heard := make(chan *nats.Msg, 5000)
	_, err := conn.ChanSubscribe("audit.again", heard)
	require.NoError(t, err)
	var progress []uint64
	sent, err := Replay{
		Log: s.Relay, NATS: conn, From: 300, To: 1700, Subject: "audit.again",
		Progress: func(n, all uint64) { progress = append(progress, n, all) },
	}.Send(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1401, sent)
	assert.Equal(t, []uint64{1000, 1401, 1401, 1401}, progress)
	logged, err := s.Read(t.Context(), 299, 1401)
	require.NoError(t, err)
	for _, e := range logged {
		m := testkit.Receive(t, heard)
		require.Equal(t, strconv.FormatUint(e.Position, 10), m.Header.Get(wire.Position))
		require.Equal(t, e.ID.String(), m.Header.Get("ce-id"))
		require.Equal(t, string(e.Raw), string(m.Data))
	}
	assert.EqualValues(t, 2500, last(), "the stream itself got nothing")

	// Where a stream of somebody's takes the subject in, it has all of them, twice if asked twice.
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "AUDIT", Subjects: []string{"kept.>"}, Duplicates: time.Minute})
	require.NoError(t, err)
	for range 2 {
		_, err = Replay{Log: s.Relay, NATS: conn, From: 2001, Subject: "kept.again"}.Send(t.Context())
		require.NoError(t, err)
	}
	info, err := stream.Info(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1000, info.State.Msgs)
	m, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, "2001", m.Header.Get(wire.Position))
	assert.True(t, json.Valid(m.Data))

	// One that acknowledges nothing is waited for as where there is no stream.
	stream, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "QUIET", Subjects: []string{"quiet.>"}, NoAck: true})
	require.NoError(t, err)
	sent, err = Replay{Log: s.Relay, NATS: conn, From: 901, Subject: "quiet.again"}.Send(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1600, sent)
	testkit.Eventually(t, func() error {
		info, err := stream.Info(t.Context())
		if err == nil && info.State.Msgs != 1600 {
			err = fmt.Errorf("%d messages", info.State.Msgs)
		}
		return err
	})

	for _, r := range []Replay{{From: 0, To: 3}, {From: 5, To: 4}, {From: 1, To: 2501}, {From: 2501}} {
		r.Log, r.NATS, r.Subject = s.Relay, conn, "audit.again"
		_, err := r.Send(t.Context())
		assert.ErrorIs(t, err, ErrPositions)
	}
	_, err = Replay{Log: s.Relay, NATS: conn, From: 1, Subject: "sical.events.point"}.Send(t.Context())
	assert.ErrorIs(t, err, ErrSubject)
	assert.EqualValues(t, 2500, last())
}
