package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
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
	"publish $JS.API.CONSUMER.PAUSE.SICAL_EVENTS.sical_consumer":                 {"command", "projector"},
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
		for _, deed := range slices.Sorted(maps.Keys(deeds)) {
			assert.Equal(t, slices.Contains(deeds[deed], user), w.may(user, deed), "%s: %s", user, deed)
		}
	}
	_, err := nats.Connect("nats://"+w.nats, nats.Timeout(time.Minute))
	assert.ErrorIs(t, err, nats.ErrAuthorization)
}

// answers are subjects that somebody might name as the one to reply to, and who can have
// the server send something there: it does not ask for a permission. That the two roles can
// is a limit of NATS, and told in the configuration.
var answers = map[string][]string{
	"sical.events.goal":            {"command", "projector"},
	"sical.changes.goal":           {"command", "projector"},
	"sical.appended":               {"command", "projector"},
	"_INBOX.sical_command.guessed": {"command", "projector"},
	"replay.other":                 {"command", "projector"},
}

// TestWhereAnswersGo has every user ask JetStream what the consumer outside may ask as well,
// for an answer on a subject of others.
func TestWhereAnswersGo(t *testing.T) {
	setPasswords(t)
	w := &world{t: t, dir: t.TempDir()}
	witness, js := w.startWatchedNATS()
	_, err := js.CreateConsumer(t.Context(), "SICAL_EVENTS", jetstream.ConsumerConfig{Durable: "sical_consumer", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	questions := []string{
		"$JS.API.INFO", "$JS.API.STREAM.INFO.SICAL_EVENTS", "$JS.API.CONSUMER.INFO.SICAL_EVENTS.sical_consumer",
		"$JS.API.CONSUMER.RESET.SICAL_EVENTS.sical_consumer", "$JS.API.CONSUMER.MSG.NEXT.SICAL_EVENTS.sical_consumer",
	}
	for _, user := range []string{"command", "consumer", "projector", "query"} {
		conn := w.connect(user)
		for _, subject := range slices.Sorted(maps.Keys(answers)) {
			heard := listen(t, witness, subject)
			for _, question := range questions {
				require.NoError(t, conn.PublishRequest(question, subject, nil))
			}
			if slices.Contains(answers[subject], user) {
				for range questions {
					_, err := heard.NextMsg(time.Minute)
					require.NoError(t, err, "%s to %s", user, subject)
				}
				continue
			}
			m, err := heard.NextMsg(nothingComes)
			assert.ErrorIs(t, err, nats.ErrTimeout, "%s to %s: %v", user, subject, m)
		}
	}
}

// TestWhereEventsGo has the consumer outside ask for events to be delivered where others
// listen to more than that one subject, as queries do, or where JetStream takes orders.
func TestWhereEventsGo(t *testing.T) {
	setPasswords(t)
	w := &world{t: t, dir: t.TempDir()}
	witness, js := w.startWatchedNATS()
	conn := w.connect("consumer")
	for _, subject := range []string{"sical.events.goal", "sical.changes.goal", "$JS.API.STREAM.DELETE.SICAL_EVENTS", "$JS.API.STREAM.PURGE.SICAL_EVENTS"} {
		heard := listen(t, witness, subject)
		_, err := conn.Request("$JS.API.CONSUMER.CREATE.SICAL_EVENTS.sical_consumer", []byte(`{"stream_name":"SICAL_EVENTS",
			"config":{"durable_name":"sical_consumer","name":"sical_consumer","headers_only":true,"deliver_subject":"`+subject+`"}}`), time.Minute)
		require.NoError(t, err)
		m, err := heard.NextMsg(nothingComes)
		assert.ErrorIs(t, err, nats.ErrTimeout, "%s: %v", subject, m)
		_, err = conn.Request("$JS.API.CONSUMER.DELETE.SICAL_EVENTS.sical_consumer", nil, time.Minute)
		require.NoError(t, err)
	}
	stream, err := js.Stream(t.Context(), "SICAL_EVENTS")
	require.NoError(t, err)
	assert.EqualValues(t, 1, stream.CachedInfo().State.Msgs)
}

// nothingComes is how long is listened for what is not to come.
const nothingComes = 300 * time.Millisecond

// startWatchedNATS starts NATS with an event on its stream, and one more user, who hears
// everything where the roles are.
func (w *world) startWatchedNATS() (witness *nats.Conn, js jetstream.JetStream) {
	w.t.Helper()
	server := w.runNATS("nats.conf", func(o *natsserver.Options) {
		role := slices.IndexFunc(o.Users, func(u *natsserver.User) bool { return u.Username == "sical_command" })
		o.Users = append(o.Users, &natsserver.User{Username: "witness", Password: "sees", Account: o.Users[role].Account})
	})
	w.nats = server.Addr().String()
	witness, err := nats.Connect("nats://witness:sees@"+w.nats, nats.Timeout(time.Minute))
	require.NoError(w.t, err)
	w.t.Cleanup(witness.Close)
	return witness, w.makeStream()
}

// makeStream makes the stream, with an event on it, as the command role does.
func (w *world) makeStream() jetstream.JetStream {
	w.t.Helper()
	js := testkit.JetStream(w.t, w.connect("command"))
	_, err := js.CreateStream(w.t.Context(), jetstream.StreamConfig{Name: "SICAL_EVENTS", Subjects: []string{"sical.events.>"}})
	require.NoError(w.t, err)
	_, err = js.PublishMsg(w.t.Context(), &nats.Msg{Subject: "sical.events.goal", Header: nats.Header{"Sical-Previous": {"0"}, "ce-type": {"goal.created"}}})
	require.NoError(w.t, err)
	return js
}

// listen listens to a subject and those beside it.
func listen(t *testing.T, conn *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	heard, err := conn.SubscribeSync(subject[:strings.LastIndex(subject, ".")+1] + "*")
	require.NoError(t, err)
	require.NoError(t, conn.Flush())
	t.Cleanup(func() { _ = heard.Unsubscribe() })
	return heard
}

// urlFor is where a user of the configuration connects to.
func (w *world) urlFor(user string) string {
	return "nats://sical_" + user + ":" + passwords["NATS_"+strings.ToUpper(user)+"_PASSWORD"] + "@" + w.nats
}

// connect connects as a user of the configuration.
func (w *world) connect(user string) *nats.Conn {
	w.t.Helper()
	conn, err := nats.Connect(w.urlFor(user), nats.Timeout(time.Minute), nats.CustomInboxPrefix("_INBOX.sical_"+user),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // a refusal is no news here
	require.NoError(w.t, err)
	w.t.Cleanup(conn.Close)
	return conn
}

// TestConsumerOfAnotherSystem runs the example of a consumer outside as the user that is
// meant for it.
func TestConsumerOfAnotherSystem(t *testing.T) {
	setPasswords(t)
	w := &world{t: t, dir: t.TempDir()}
	w.startNATS()
	js := w.makeStream()
	first, _ := w.consume(w.consumer())
	assert.Equal(t, 1, first.Position)
	assert.Equal(t, "goal.created", first.Type)
	testkit.Eventually(t, func() error { // operators see how far it is
		c, err := js.Consumer(t.Context(), "SICAL_EVENTS", "sical_consumer")
		if err != nil || c.CachedInfo().AckFloor.Stream != 1 {
			return fmt.Errorf("not acknowledged: %v", err)
		}
		return nil
	})
	outside := w.connect("consumer")
	again, err := outside.SubscribeSync("replay.sical_consumer")
	require.NoError(t, err)
	require.NoError(t, outside.Flush())
	require.NoError(t, w.connect("command").Publish("replay.sical_consumer", []byte("{}")))
	_, err = again.NextMsg(time.Minute)
	assert.NoError(t, err)
}

// printed is of a line that the consumer prints.
type printed struct {
	Position int
	Type     string
}

// consume runs the example of a consumer from the beginning, until it is ended or the test is,
// and returns the first line that it prints.
func (w *world) consume(program string) (first printed, end func()) {
	w.t.Helper()
	consumer := exec.CommandContext(soon(w.t), program, "-nats-url", w.urlFor("consumer"), "-state", filepath.Join(w.t.TempDir(), "state.json"))
	out, err := consumer.StdoutPipe()
	require.NoError(w.t, err)
	require.NoError(w.t, consumer.Start())
	end = func() {
		_ = consumer.Process.Kill()
		_ = consumer.Wait()
	}
	w.t.Cleanup(end)
	require.NoError(w.t, json.NewDecoder(out).Decode(&first))
	return first, end
}

// consumer builds the example of a consumer.
func (w *world) consumer() string {
	w.t.Helper()
	program := filepath.Join(w.dir, "consumer")
	built, err := exec.CommandContext(w.t.Context(), "go", "build", "-C", "../..", "-buildvcs=false", "-o", program, "./deploy/consumer").CombinedOutput()
	require.NoError(w.t, err, "%s", built)
	return program
}

// may tells whether NATS lets a user do something.
func (w *world) may(user, deed string) bool {
	w.t.Helper()
	conn := w.connect(user)
	defer conn.Close()
	if verb, subject, _ := strings.Cut(deed, " "); verb == "publish" {
		require.NoError(w.t, conn.Publish(subject, []byte("{}")))
	} else {
		_, err := conn.SubscribeSync(subject)
		require.NoError(w.t, err)
	}
	require.NoError(w.t, conn.Flush()) // a refusal comes before the answer to this
	return !errors.Is(conn.LastError(), nats.ErrPermissionViolation)
}
