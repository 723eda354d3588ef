package check

import (
	"encoding/json"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deeds are what somebody might try at NATS, and who may.
var deeds = map[string][]string{
	"publish sical.events.goal":                           {"command"},
	"publish sical.changes.goal":                          {"projector"},
	"publish sical.appended":                              {"command", "projector"},
	"subscribe sical.appended":                            {"command"},
	"publish sical.other":                                 {},
	"publish $JS.API.STREAM.CREATE.SICAL_EVENTS":          {"command"},
	"publish $JS.API.STREAM.CREATE.OTHER":                 {},
	"publish $JS.API.STREAM.PURGE.SICAL_EVENTS":           {"command"},
	"publish $JS.API.STREAM.DELETE.SICAL_EVENTS":          {"command"},
	"publish $JS.API.STREAM.INFO.SICAL_EVENTS":            {"command", "consumer", "projector"},
	"publish $JS.API.CONSUMER.CREATE.SICAL_EVENTS.mine":   {"command", "projector"},
	"publish $JS.API.CONSUMER.DELETE.SICAL_EVENTS.mine":   {"command", "projector"},
	"publish $JS.API.CONSUMER.PAUSE.SICAL_EVENTS.mine":    {"command", "projector"},
	"publish $JS.API.CONSUMER.MSG.NEXT.SICAL_EVENTS.mine": {"command", "projector"},
	"publish $JS.ACK.SICAL_EVENTS.mine.1.1.1.1.1":         {"projector"},

	"publish $JS.API.CONSUMER.CREATE.SICAL_EVENTS.sical_consumer.sical.events.>": {"command", "consumer", "projector"},
	"publish $JS.API.CONSUMER.DELETE.SICAL_EVENTS.sical_consumer":                {"command", "consumer", "projector"},
	"publish $JS.API.CONSUMER.MSG.NEXT.SICAL_EVENTS.sical_consumer":              {"command", "consumer", "projector"},
	"publish $JS.ACK.SICAL_EVENTS.sical_consumer.1.1.1.1.1":                      {"consumer", "projector"},

	"publish $SYS.REQ.SERVER.PING":                   {},
	"subscribe sical.changes.>":                      {"projector", "query"},
	"subscribe sical.events.>":                       {},
	"subscribe _INBOX.>":                             {},
	"subscribe _INBOX.*":                             {},
	"subscribe _INBOX.sical_command.>":               {"command"},
	"subscribe _INBOX.sical_projector.>":             {"projector"},
	"subscribe _INBOX.sical_consumer.>":              {"consumer"},
	"subscribe $JS.API.>":                            {},
	"subscribe >":                                    {},
	"publish $JS.API.STREAM.SNAPSHOT.SICAL_EVENTS":   {},
	"publish $JS.API.STREAM.MSG.DELETE.SICAL_EVENTS": {},
	"publish $JS.API.META.LEADER.STEPDOWN":           {},
	"publish $JS.API.CONSUMER.DELETE.OTHER.mine":     {},
	"publish $JS.API.STREAM.UPDATE.SICAL_EVENTS":     {"command"},
	"publish $JS.API.CONSUMER.CREATE.OTHER.mine":     {},
	"publish $JS.API.DIRECT.GET.SICAL_EVENTS":        {"command"},
	"publish $JS.API.STREAM.MSG.GET.SICAL_EVENTS":    {"command"},
	"publish $JS.API.STREAM.NAMES":                   {"command"}, // replays ask it
	"publish replay.sical_consumer":                  {"command"},
	"subscribe replay.sical_consumer":                {"consumer"},
	"subscribe replay.other":                         {},
}

// TestWhatEachUserMay has every user of the NATS configuration try every deed.
func TestWhatEachUserMay(t *testing.T) {
	setPasswords(t)
	w := &world{t: t, dir: t.TempDir()}
	w.startNATS()
	for _, user := range []string{"command", "consumer", "projector", "query"} {
		url := "nats://sical_" + user + ":" + passwords["NATS_"+strings.ToUpper(user)+"_PASSWORD"] + "@" + w.nats
		for _, deed := range slices.Sorted(maps.Keys(deeds)) {
			assert.Equal(t, slices.Contains(deeds[deed], user), may(t, url, deed), "%s: %s", user, deed)
		}
	}
	_, err := nats.Connect("nats://"+w.nats, nats.Timeout(time.Minute))
	assert.ErrorIs(t, err, nats.ErrAuthorization)
}

// TestConsumerOfAnotherSystem runs the example of a consumer outside as the user that is
// meant for it.
func TestConsumerOfAnotherSystem(t *testing.T) {
	setPasswords(t)
	w := &world{t: t, dir: t.TempDir()}
	w.startNATS()
	url := func(user string) string {
		return "nats://sical_" + user + ":" + passwords["NATS_"+strings.ToUpper(user)+"_PASSWORD"] + "@" + w.nats
	}
	conn, err := nats.Connect(url("command"), nats.Timeout(time.Minute), nats.CustomInboxPrefix("_INBOX.sical_command"))
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SICAL_EVENTS", Subjects: []string{"sical.events.>"}})
	require.NoError(t, err)
	_, err = js.PublishMsg(t.Context(), &nats.Msg{Subject: "sical.events.goal", Header: nats.Header{"Sical-Previous": {"0"}, "ce-type": {"goal.created"}}})
	require.NoError(t, err)

	program := filepath.Join(w.dir, "consumer")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-buildvcs=false", "-o", program, "./deploy/consumer").CombinedOutput()
	require.NoError(t, err, "%s", built)
	consumer := exec.CommandContext(soon(t), program, "-nats-url", url("consumer"), "-state", filepath.Join(w.dir, "state.json"))
	out, err := consumer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, consumer.Start())
	t.Cleanup(func() {
		_ = consumer.Process.Kill()
		_ = consumer.Wait()
	})
	var line struct {
		Position int
		Type     string
	}
	require.NoError(t, json.NewDecoder(out).Decode(&line))
	assert.Equal(t, 1, line.Position)
	assert.Equal(t, "goal.created", line.Type)
}

// may tells whether NATS lets the user of the URL do something.
func may(t *testing.T, url, deed string) bool {
	t.Helper()
	conn, err := nats.Connect(url, nats.Timeout(time.Minute),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // a refusal is no news here
	require.NoError(t, err)
	defer conn.Close()
	if verb, subject, _ := strings.Cut(deed, " "); verb == "publish" {
		require.NoError(t, conn.Publish(subject, []byte("{}")))
	} else {
		_, err := conn.SubscribeSync(subject)
		require.NoError(t, err)
	}
	require.NoError(t, conn.Flush()) // a refusal comes before the answer to this
	return !errors.Is(conn.LastError(), nats.ErrPermissionViolation)
}
