package check

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
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
	"publish $JS.API.CONSUMER.CREATE.SICAL_EVENTS.mine":   {"command", "consumer", "projector"},
	"publish $JS.API.CONSUMER.MSG.NEXT.SICAL_EVENTS.mine": {"command", "consumer", "projector"},
	"publish $JS.ACK.SICAL_EVENTS.mine.1.1.1.1.1":         {"consumer", "projector"},
	"publish $SYS.REQ.SERVER.PING":                        {},
	"subscribe sical.changes.>":                           {"projector", "query"},
	"subscribe sical.events.>":                            {},
	"subscribe _INBOX.mine.>":                             {"command", "consumer", "projector"},
	"subscribe $JS.API.>":                                 {},
	"subscribe >":                                         {},
	"publish $JS.API.STREAM.SNAPSHOT.SICAL_EVENTS":        {},
	"publish $JS.API.STREAM.MSG.DELETE.SICAL_EVENTS":      {},
	"publish $JS.API.META.LEADER.STEPDOWN":                {},
	"publish $JS.API.CONSUMER.DELETE.OTHER.mine":          {},
	"publish $JS.API.STREAM.UPDATE.SICAL_EVENTS":          {"command"},
	"publish $JS.API.CONSUMER.CREATE.OTHER.mine":          {},
	"publish $JS.API.DIRECT.GET.SICAL_EVENTS":             {"command"},
	"publish $JS.API.STREAM.MSG.GET.SICAL_EVENTS":         {"command"},
	"publish $JS.API.STREAM.NAMES":                        {},
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
	_, err := nats.Connect("nats://" + w.nats)
	assert.ErrorIs(t, err, nats.ErrAuthorization)
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
