package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/testkit"
)

// standing is a webhook's row and status.
func (w *world) standing(id events.ID) (position uint64, failures int, status string) {
	w.t.Helper()
	err := w.admin.QueryRow(w.t.Context(), `
		select position, failures, (select type from sical.events where stream = 'webhook-' || consumer order by version desc limit 1)
		from sical.reaction where consumer = $1`, id).Scan(&position, &failures, &status)
	if !errors.Is(err, pgx.ErrNoRows) { // before the first beat there is none
		require.NoError(w.t, err)
	}
	return position, failures, status
}

func (w *world) eventually(id events.ID, holds func(position uint64, failures int, status string) bool) {
	w.t.Helper()
	testkit.Eventually(w.t, func() error {
		if p, f, s := w.standing(id); !holds(p, f, s) {
			return fmt.Errorf("position %d, failures %d, last event %s", p, f, s)
		}
		return nil
	})
}

// signedWith is the signature that a secret gives.
func (g got) signedWith(t *testing.T, secret string) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(g.ID + "." + g.header.Get("webhook-timestamp") + "." + string(g.body)))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestDeliveredInOrderAndSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.points(2)
	r := newReceiver(t, func(n int, _ got) int { return []int{500, 204, 503, 503, 503, 200, 200}[min(n, 6)] })
	w.deliver(brief, loopback, nil)
	w.hook(r.URL, "point.created")
	ids := w.points(5)
	subjects := r.subjects(t, 9)
	require.Equal(t, ids, slices.Compact(subjects), "in order, each until it is taken, and none of before")
	require.NotContains(t, subjects, before[0])

	g := r.got()[0]
	require.Equal(t, "point.created", g.Type)
	require.Equal(t, "request-7", g.CorrelationID)
	require.Equal(t, "图论", g.Data["title"])
	incarnation, err := eventlog.NewReader(w.pool).Incarnation(t.Context())
	require.NoError(t, err)
	require.Equal(t, incarnation.String(), g.Incarnation)
	require.Equal(t, g.ID, g.header.Get("webhook-id"))
	require.Equal(t, g.signedWith(t, secret), g.header.Get("webhook-signature"))
	require.Equal(t, r.got()[0].ID, r.got()[1].ID, "tried again under the same id")
}

func TestPersonalTextStaysHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.hook(r.URL, "user.*")
	w.deliver(brief, loopback, nil)
	w.do("user.register", &command.RegisterUser{Of: about(uuid.New()), Username: "canary", Email: "canary@example.org", Locale: "zh"})
	r.subjects(t, 1)
	g := r.got()[0]
	require.NotContains(t, strings.ToLower(string(g.body)), "canary")
	require.NotContains(t, g.Data, "username")
	require.Equal(t, "zh", g.Data["locale"])
}

func TestSlowReceiverHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	slow := newReceiver(t, func(int, got) int { <-released; return 200 })
	quick := newReceiver(t, nil)
	w.hook(slow.URL, "point.*")
	w.hook(quick.URL, "point.*")
	w.deliver(brief, loopback, nil)
	ids := w.points(4)
	require.Equal(t, ids, quick.subjects(t, 4))
	require.Equal(t, ids[:1], slow.subjects(t, 1))
	release()
	require.Equal(t, ids, slow.subjects(t, 4))
}

func TestGivenUpThenEnabledGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	healed := make(chan struct{})
	r := newReceiver(t, func(int, got) int {
		select {
		case <-healed:
			return 200
		default:
			return 500
		}
	})
	id := w.hook(r.URL, "point.*")
	short := brief
	short.GiveUp = 0
	w.deliver(short, loopback, nil)
	ids := w.points(2)
	w.eventually(id, func(_ uint64, _ int, status string) bool { return status == "webhook.disabled" })
	ids = append(ids, w.points(1)...)
	close(healed)
	failed := len(r.got())
	w.do("webhook.enable", &command.EnableWebhook{Of: about(id)})
	require.Equal(t, ids, r.subjects(t, failed+3)[failed:])

	w.do("webhook.delete", &command.DeleteWebhook{Of: about(id)})
	testkit.Eventually(t, func() error {
		var left int
		err := w.admin.QueryRow(t.Context(), `select (select count(*) from sical.reaction) + (select count(*) from sical.webhook_delivery)
			+ (select count(*) from sical.webhook_secret)`).Scan(&left)
		if err == nil && left > 0 {
			err = fmt.Errorf("%d rows are left of a deleted webhook", left)
		}
		return err
	})
}

func TestGoneIsDisabledAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(int, got) int { return http.StatusGone })
	id := w.hook(r.URL, "*")
	w.deliver(brief, loopback, nil)
	w.points(1)
	w.eventually(id, func(_ uint64, _ int, status string) bool { return status == "webhook.disabled" })
	require.Len(t, r.got(), 1)
	var told, caused string
	require.NoError(t, w.admin.QueryRow(t.Context(), `
		select (select event_id::text from sical.events where type = 'point.created'), metadata->>'causation'
		from sical.events where type = 'webhook.disabled'`).Scan(&told, &caused))
	require.Equal(t, told, caused, "the event that could not be delivered")
}

// A process that is killed gives nothing back: its leases run out.
func TestAnotherTakesOverAndNothingFiresTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	id := w.hook(r.URL, "point.*")
	stop := w.deliver(brief, loopback, nil)
	ids := w.points(3)
	r.subjects(t, 3)
	w.eventually(id, func(position uint64, _ int, _ string) bool { return position == w.head() }) // what was told is committed
	stop()
	_, err := w.admin.Exec(t.Context(), `update sical.reaction set owner = 'killed', lease_until = clock_timestamp() + interval '1 second'`)
	require.NoError(t, err)
	w.deliver(brief, loopback, nil)
	w.deliver(brief, loopback, nil)
	ids = append(ids, w.points(3)...)
	w.told(r, ids, id, 2)
}

// The owner whose lease another took commits nothing, and leaves.
func TestSupersededOwnerCommitsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reached, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	r := newReceiver(t, func(n int, _ got) int {
		if n == 0 {
			close(reached)
			<-released
		}
		return 200
	})
	w.hook(r.URL, "point.*")
	w.deliver(brief, loopback, nil)
	point := w.points(1)[0]
	testkit.Receive(t, reached)
	_, err := w.admin.Exec(t.Context(), `update sical.reaction set owner = 'another', epoch = epoch + 1, lease_until = 'infinity'`)
	require.NoError(t, err)
	release()
	w.points(2)
	_, err = w.admin.Exec(t.Context(), `update sical.reaction set lease_until = null`)
	require.NoError(t, err)
	subjects := r.subjects(t, 4)
	require.Equal(t, []events.ID{point, point}, subjects[:2], "what the one before was told is not committed")
}

func TestInsideIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	id := w.hook(r.URL, "point.*")
	w.deliver(brief, nil, nil)
	w.points(1)
	w.eventually(id, func(_ uint64, failures int, _ string) bool { return failures > 1 })
	require.Empty(t, r.got())
	var reason string
	require.NoError(t, w.admin.QueryRow(t.Context(), `select error from sical.webhook_delivery where status is null limit 1`).Scan(&reason))
	require.Equal(t, "its address is not outside, and its network is not allowed", reason)
}

func TestOldSecretSignsForADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	id := w.hook(r.URL, "point.*")
	changed := "whsec_" + strings.Repeat("QUJD", 10)
	w.do("webhook.revise", &command.ReviseWebhook{Of: about(id), Key: &changed})
	w.deliver(brief, loopback, nil)
	w.points(1)
	r.subjects(t, 1)
	g := r.got()[0]
	require.Equal(t, g.signedWith(t, changed)+" "+g.signedWith(t, secret), g.header.Get("webhook-signature"))
	_, err := w.admin.Exec(t.Context(), `update sical.webhook_secret set changed_at = changed_at - interval '25 hours'`)
	require.NoError(t, err)
	w.points(1)
	r.subjects(t, 2)
	g = r.got()[1]
	require.Equal(t, g.signedWith(t, changed), g.header.Get("webhook-signature"))
	var plaintext int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from sical.events where data::text like '%whsec%' or data::text like '%QUJDQUJD%'`).Scan(&plaintext))
	require.Zero(t, plaintext)
}

// What cannot be read is parked, and those behind it come.
func TestUnreadableEventIsParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	id := w.hook(r.URL, "point.*")
	w.points(1)
	_, err := w.admin.Exec(t.Context(), `update sical.events set data = '{"difficulty_level":"not a number"}' where type = 'point.created'`)
	require.NoError(t, err)
	ids := w.points(2)
	w.deliver(brief, loopback, nil)
	require.Equal(t, ids, r.subjects(t, 2))
	w.eventually(id, func(position uint64, _ int, _ string) bool { return position == w.head() })
	var parked int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from sical.reaction_poison where consumer = $1 and error <> ''`, id).Scan(&parked))
	require.Equal(t, 1, parked)
}
