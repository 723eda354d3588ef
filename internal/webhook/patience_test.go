package webhook

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
)

// A webhook that failed when it was disabled by hand is enabled days later: what was
// then does not count.
func TestEnabledByHandHasAllPatience(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var healed atomic.Bool
	r := newReceiver(t, func(int, got) int {
		if healed.Load() {
			return 200
		}
		return 503
	})
	id := w.hook(r.URL, "point.*")
	long := brief
	long.GiveUp = 72 * time.Hour
	stop := w.deliver(long, loopback, nil)
	ids := w.points(1)
	w.eventually(id, func(_ uint64, failures int, _ string) bool { return failures > 0 })
	w.do("webhook.disable", &command.DisableWebhook{Of: about(id), Reason: "by hand"})
	stop()
	_, err := w.admin.Exec(t.Context(), `update sical.reaction set failing_since = failing_since - interval '4 days'`)
	require.NoError(t, err)

	w.do("webhook.enable", &command.EnableWebhook{Of: about(id)})
	before := len(r.got())
	w.deliver(long, loopback, nil)
	w.eventually(id, func(_ uint64, failures int, status string) bool {
		return status == "webhook.enabled" && failures > 0 && len(r.got()) > before+1
	})
	healed.Store(true)
	w.eventually(id, func(position uint64, failures int, status string) bool {
		return status == "webhook.enabled" && failures == 0 && position == w.head()
	})
	subjects := r.subjects(t, 1)
	require.Equal(t, ids[0], subjects[len(subjects)-1])
}

// A webhook whose address was wrong goes on as soon as it is corrected, whenever it
// would have been tried again.
func TestCorrectedAddressIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := newReceiver(t, func(int, got) int { return 404 })
	right := newReceiver(t, nil)
	id := w.hook(wrong.URL, "point.*")
	slow := brief
	slow.Slow, slow.Slowest = time.Hour, time.Hour
	w.deliver(slow, loopback, nil)
	ids := w.points(2)
	w.eventually(id, func(_ uint64, failures int, _ string) bool { return failures == 1 })
	w.do("webhook.revise", &command.ReviseWebhook{Of: about(id), URL: &right.URL})
	require.Equal(t, []events.ID{ids[0], ids[1]}, right.subjects(t, 2))
}

// A webhook that cannot be given up, as the log cannot be appended to, waits from round
// to round as any other that fails, and is given up once that is possible.
func TestNotGivenUpIsTriedInRounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var rounds []int // noted by each time it was to be given up
	disable := w.disable
	w.disable = func(webhook, cause events.ID, reason string) error {
		_, failures, _ := w.standing(webhook)
		if rounds = append(rounds, failures); len(rounds) < 4 {
			return errors.New("the log is away")
		}
		return disable(webhook, cause, reason)
	}
	r := newReceiver(t, func(int, got) int { return 410 })
	id := w.hook(r.URL, "point.*")
	stop := w.deliver(brief, loopback, nil)
	w.points(1)
	w.eventually(id, func(_ uint64, failures int, status string) bool { return status == "webhook.disabled" && failures == 0 })
	stop()
	require.Equal(t, []int{0, 1, 2, 3}, rounds)
	require.Len(t, r.got(), 4)
}
