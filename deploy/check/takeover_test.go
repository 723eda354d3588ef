package check

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// leased is how long the lease of a webhook lasts.
const leased = 3 * time.Second

// endpoint takes what webhooks send, unless it is told to keep them waiting.
type endpoint struct {
	*httptest.Server
	mu   sync.Mutex
	got  []string      // of each delivery, the point's id
	held chan struct{} // while not nil, deliveries wait until it is closed
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var body struct{ Subject string }
		if err != nil || json.Unmarshal(text, &body) != nil {
			return // who sent it was killed
		}
		e.mu.Lock()
		e.got = append(e.got, strings.TrimPrefix(body.Subject, "point-"))
		held := e.held
		e.mu.Unlock()
		if held != nil {
			<-held
		}
	}))
	t.Cleanup(e.Close)
	return e
}

// hold keeps all deliveries from now on waiting until release is called.
func (e *endpoint) hold(t *testing.T) (release func()) {
	held := make(chan struct{})
	set := func(c chan struct{}) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.held = c
	}
	set(held)
	release = sync.OnceFunc(func() {
		set(nil)
		close(held)
	})
	t.Cleanup(release)
	return release
}

func (e *endpoint) subjects() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.got)
}

// first is the deliveries without those that came before under the same id.
func (e *endpoint) first() (list []string) {
	for _, id := range e.subjects() {
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// lease is who serves the one webhook, and how far it is.
type lease struct {
	Owner           string
	Epoch, Position int
}

func (l lease) pid() int {
	pid, _ := strconv.Atoi(strings.Split(l.Owner+"//", "/")[1])
	return pid
}

func (w *world) lease() (l lease) {
	w.t.Helper()
	text := w.sql(`select coalesce((select json_build_object('owner', coalesce(owner, ''), 'epoch', epoch, 'position', position)
		from sical.reaction where reaction = 'webhook'), '{}')::text`)
	require.NoError(w.t, json.Unmarshal([]byte(text), &l))
	return l
}

// TestWebhooksAreTakenOver ends a projector, and stops another, while webhooks are
// due: the next one delivers what is left, in order, and who wakes up commits
// nothing.
func TestWebhooksAreTakenOver(t *testing.T) {
	setPasswords(t)
	w := newWorld(t)
	c := composed(t)
	run(t, binary(t), w.here(c["migrate"].env), c["migrate"].args...)
	w.journal()
	c["projector"].env["SICAL_WEBHOOK_ALLOW"] = "127.0.0.0/8"
	command := w.start(c["command"])
	v := register(t, "http://"+command.public, "ana")
	operator := w.here(c["command"].env)
	operator["SICAL_POSTGRES_URL"] = w.here(c["migrate"].env)["SICAL_POSTGRES_URL"]
	issuing := exec.CommandContext(t.Context(), binary(t), "token", "--username", "ana", "--role", "admin")
	issuing.Env = environment(operator)
	token, err := issuing.Output()
	require.NoError(t, err)
	v.token = strings.TrimSpace(string(token))
	to := newEndpoint(t)
	v.call(t, "POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"event_types":["point.created"],"secret":"whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZXM="}`, to.URL))
	var due []string
	points := func(n int) {
		for range n {
			due = append(due, v.call(t, "POST", "/v1/points", `{"title":"图论"}`)["id"].(string))
		}
	}
	delivered := func(n int) {
		t.Helper()
		testkit.Eventually(t, func() error {
			if got := to.first(); len(got) < n {
				return fmt.Errorf("%d of %d are delivered; %+v", len(got), n, w.lease())
			}
			return nil
		})
		require.Equal(t, due[:n], to.first(), "in order, none left out")
	}

	first := w.start(c["projector"])
	points(2)
	delivered(2)
	second := w.start(c["projector"])
	release := to.hold(t)
	points(3)
	delivered(3)
	if owner := w.lease().pid(); owner != first.cmd.Process.Pid { // it stood still for as long as its lease was
		require.Equal(t, second.cmd.Process.Pid, owner)
		first, second = second, first
	}
	require.NoError(t, first.cmd.Process.Kill())
	points(2)
	release()
	delivered(7)
	before := w.lease()
	require.Equal(t, second.cmd.Process.Pid, before.pid())

	third := w.start(c["projector"])
	release = to.hold(t)
	points(2)
	delivered(8)
	require.NoError(t, second.cmd.Process.Signal(syscall.SIGSTOP))
	stopped := time.Now()
	points(1)
	release() // its answer waits for the one that sleeps
	delivered(10)
	testkit.Eventually(t, func() error {
		if slept := time.Since(stopped); slept < 3*leased {
			return fmt.Errorf("it sleeps for %s", slept)
		}
		return nil
	})
	after := w.lease()
	require.Equal(t, third.cmd.Process.Pid, after.pid())
	require.Greater(t, after.Epoch, before.Epoch)
	require.NoError(t, second.cmd.Process.Signal(syscall.SIGCONT))
	testkit.Eventually(t, func() error { // it has seen that another serves
		if !strings.Contains(second.metrics(t), `sical_reaction_consumers{reaction="webhook"} 0`) {
			return fmt.Errorf("it serves")
		}
		return nil
	})
	points(2)
	delivered(12)
	now := w.lease()
	assert.GreaterOrEqual(t, now.Epoch, after.Epoch) // greater where its owner stood still for as long as its lease was
	if now.Epoch == after.Epoch {
		assert.Equal(t, after.Owner, now.Owner)
	}
	assert.Equal(t, "0", w.sql(`select count(*)::text from public.journal where position < before or epoch < former`),
		"no position or epoch ever fell")
	text, err := os.ReadFile(second.log)
	require.NoError(t, err)
	t.Logf("%d deliveries of %d events; the one that woke up tried to commit, and was refused: %v",
		len(to.subjects()), len(due), strings.Contains(string(text), "lease is lost"))
}

// journal notes every change of a reaction's row, whoever makes it.
func (w *world) journal() {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.instance.Postgres.AdminURL)
	require.NoError(w.t, err)
	defer conn.Close(w.t.Context())
	_, err = conn.Exec(w.t.Context(), `
		create table public.journal (position bigint, before bigint, epoch bigint, former bigint);
		create function public.journal() returns trigger language plpgsql security definer as $$ begin
			insert into public.journal values (new.position, old.position, new.epoch, old.epoch);
			return new;
		end $$;
		create trigger journal after update on sical.reaction for each row execute function public.journal()`)
	require.NoError(w.t, err)
}
