package check

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// TestThreeServers runs the pods of the overlay with three NATS servers, takes away the
// one that leads the stream, and goes on.
func TestThreeServers(t *testing.T) {
	setPasswords(t)
	t.Setenv("NATS_CLUSTER_PASSWORD", "of-the-cluster")
	w := newWorld(t)
	servers := w.startCluster()
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.Addr().String())
	}
	c := orchestrated(t, "three")
	for _, role := range c { // the headless service has an address for each
		user, _, found := strings.Cut(role.env["SICAL_NATS_URL"], "@")
		if !found {
			continue
		}
		role.env["SICAL_NATS_URL"] = user + "@" + strings.Join(urls, ","+user+"@")
	}
	run(t, binary(t), w.here(c["migrate"].env), c["migrate"].args...)
	w.start(c["projector"])
	api := gateway(t, []*process{w.start(c["command"])}, []*process{w.start(c["query"])})
	tour(t, api, "ana")
	consumer := w.consumer()
	for _, w.nats = range urls { // two of them have to ask the one that leads the stream
		first, end := w.consume(consumer)
		assert.Equal(t, 1, first.Position, w.nats)
		c, err := testkit.JetStream(t, w.connect("command")).Consumer(t.Context(), "SICAL_EVENTS", "sical_consumer")
		require.NoError(t, err)
		given := c.CachedInfo().Delivered
		assert.Equal(t, given.Stream, given.Consumer, "some were given to the one before, and came again")
		end()
	}

	var leader *server.Server
	testkit.Eventually(t, func() error {
		for _, s := range servers {
			if s.JetStreamIsStreamLeader("SICAL", "SICAL_EVENTS") {
				leader = s
				return nil
			}
		}
		return fmt.Errorf("nobody leads the stream")
	})
	leader.Shutdown()
	tour(t, api, "bob") // at once: what the log has is read from the log
}

func urlsOf(list []*url.URL) (texts []string) {
	for _, u := range list {
		texts = append(texts, u.String())
	}
	return texts
}

func (w *world) startCluster() (servers []*server.Server) {
	w.t.Helper()
	var routes []*url.URL
	for range 3 {
		routes = append(routes, &url.URL{Scheme: "nats", User: url.UserPassword("cluster", "of-the-cluster"), Host: freeAddress(w.t)})
	}
	text, err := json.Marshal(urlsOf(routes))
	require.NoError(w.t, err)
	w.t.Setenv("NATS_ROUTES", string(text))
	for i, own := range routes {
		w.t.Setenv("SERVER_NAME", fmt.Sprintf("nats-%d", i))
		servers = append(servers, w.runNATS("cluster.conf", func(o *server.Options) {
			o.Cluster.Host = own.Hostname()
			_, err := fmt.Sscan(own.Port(), &o.Cluster.Port)
			require.NoError(w.t, err)
		}))
	}
	testkit.Eventually(w.t, func() error {
		for _, s := range servers {
			if !s.JetStreamIsCurrent() {
				return fmt.Errorf("%s is not current", s.Name())
			}
		}
		return nil
	})
	return servers
}
