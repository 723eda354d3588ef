package webhook

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
)

// later is the schema of events of a program that is newer than this one.
const later = 99

// newerLog is the log to a program that knows of the later schema, which says the same.
type newerLog struct{ eventlog.Reader }

func (l newerLog) OfKind(ctx context.Context, k events.Kind) ([]events.Event, error) {
	list, err := l.Reader.OfKind(ctx, k)
	for i := range list {
		if list[i].Schema == later {
			list[i].Schema = 1
		}
	}
	return list, err
}

// A webhook whose own events this program cannot read goes over to a newer one at once: it
// may have another address. The others stay where they are.
func TestWhatANewerProgramChangedGoesOverToIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before, after, other := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
	id := w.hook(before.URL, "point.*")
	stays := w.hook(other.URL, "point.*")
	var log bytes.Buffer
	w.logger = slog.New(slog.NewTextHandler(&log, nil))
	stop := w.deliver(brief, loopback, nil)
	ids := w.points(1)
	for _, hook := range []events.ID{id, stays} { // what was told is committed
		w.eventually(hook, func(position uint64, _ int, _ string) bool { return position == w.head() })
	}
	owner := func() (owner string) {
		require.NoError(t, w.admin.QueryRow(t.Context(), `select coalesce(owner, '') from sical.reaction where consumer = $1`, id).Scan(&owner))
		return owner
	}
	old := owner()

	_, err := w.admin.Exec(t.Context(), `
		insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		select h.head + 1, gen_random_uuid(), stream, version + 1, 'webhook.revised', $2, json_build_object('url', $3::text), metadata, owner, false, occurred_at, recorded_at
		from sical.events, (select max(position) from sical.events) h(head) where stream = $1`,
		events.StreamOf(events.KindWebhook, id), later, after.URL)
	require.NoError(t, err)
	w.logger, w.log = slog.New(slog.DiscardHandler), newerLog{eventlog.NewReader(w.pool)}
	w.deliver(brief, loopback, nil)
	w.eventually(id, func(uint64, int, string) bool { return owner() != "" && owner() != old })
	ids = append(ids, w.points(2)...)
	w.told(after, ids[1:], id, 2)
	w.told(other, ids, stays, 1)
	w.told(before, ids[:1], id, 2)
	stop()
	require.Equal(t, 1, strings.Count(log.String(), "webhook left to newer programs"), "%s", &log)
	require.Equal(t, 1, strings.Count(log.String(), events.UnknownType{Name: "webhook.revised", Schema: later}.Error()), "%s", &log)
}

// A webhook that has a damaged event is left alone, and named; the others are served.
func TestDamagedWebhookStopsNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	damaged, other := newReceiver(t, nil), newReceiver(t, nil)
	id := w.hook(damaged.URL, "point.*")
	whole := w.hook(other.URL, "point.*")
	_, err := w.admin.Exec(t.Context(), `update sical.events set data = '{"url": 7}' where stream = $1`, events.StreamOf(events.KindWebhook, id))
	require.NoError(t, err)
	var log bytes.Buffer
	w.logger = slog.New(slog.NewTextHandler(&log, nil))
	stop := w.deliver(brief, loopback, nil)
	ids := w.points(2)
	require.Equal(t, ids, other.subjects(t, 2))
	w.eventually(whole, func(position uint64, _ int, _ string) bool { return position == w.head() })
	stop()
	require.Empty(t, damaged.got())
	require.Equal(t, 1, strings.Count(log.String(), "webhook left to newer programs"), "%s", &log)
	require.Contains(t, log.String(), "webhook="+id.String())
}
