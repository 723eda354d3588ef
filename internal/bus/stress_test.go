//go:build stress

package bus

import (
	"testing"

	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
)

// The universal tests ten times at once on one server: go test -tags stress.
func TestUniversalStress(t *testing.T) {
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	tests.TestPubSubStressTest(t, features(1), shared(js, 1), grouped(js, 1))
}
