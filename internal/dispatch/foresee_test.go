package dispatch

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// registration brings a key that stands for the name and the address, as an equal one does.
func registration(name, address string) *Request {
	r := request("user.register", &command.RegisterUser{Of: of(uuid.New()), Username: name, Email: address}, uuid.Nil)
	r.Key, r.Asked, r.Keep = uuid.NewSHA1(uuid.Nil, []byte(name+address)), []byte(name+address), time.Hour
	return r
}

// What is foreseen is what comes about, and foreseeing does nothing by itself.
func TestForeseenIsWhatComes(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	ana := registration("ana", "ana@example.org")
	for range 2 {
		_, ok := d.Foresee(t.Context(), ana)
		require.False(t, ok)
	}
	done := d.Do(t.Context(), ana)
	require.NoError(t, done.Err)

	for of, r := range map[string]*Request{"the same id": ana, "another": registration("ana", "ana@example.org")} {
		again, ok := d.Foresee(t.Context(), r)
		require.True(t, ok, of)
		require.NoError(t, again.Err, of)
		require.True(t, again.Replayed, of)
		require.Equal(t, done.Position, again.Position, of)
	}
	other := registration("ana", "ana@example.org")
	other.Asked = []byte("other")
	v, ok := d.Foresee(t.Context(), other)
	require.True(t, ok)
	require.ErrorIs(t, v.Err, ErrKeyReused)
	twin := registration("ana", "ana@example.org")
	twin.Command, twin.Key = ana.Command, uuid.New()
	v, ok = d.Foresee(t.Context(), twin)
	require.True(t, ok)
	require.Equal(t, "already_exists", code(v.Err), "and not as a name that somebody else has")
	for want, r := range map[string]*Request{
		"username_taken":   registration("ANA", "new@example.org"),
		"email_taken":      registration("new", "Ana@example.org"),
		"invalid_username": registration("a b", "new@example.org"),
	} {
		v, ok := d.Foresee(t.Context(), r)
		require.True(t, ok, want)
		require.Equal(t, want, code(v.Err))
		require.Equal(t, want, code(d.Do(t.Context(), r).Err))
	}
}

// before runs do once, when a statement of the name is about to be sent for the first
// time, or for the one behind as many as it skips.
type before struct {
	name string
	skip int64
	do   func()
	seen atomic.Int64
}

func (b *before) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(data.SQL, "-- "+b.name) && b.seen.Add(1) == b.skip+1 {
		b.do()
	}
	return ctx
}

func (b *before) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A registration is not told that its own name is taken, at whatever moment an equal one
// gets done.
func TestForeseenBesideItsEqual(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t, migrated).URL(postgres.RoleCommand)
	first := process(t, url)
	for _, statement := range []string{"read claim", "append events"} {
		name := strings.ReplaceAll(statement, " ", ".")
		var done Verdict
		second := traced(t, url, &before{name: statement, do: func() {
			done = first.Do(t.Context(), registration(name, name+"@example.org"))
		}})
		r := registration(name, name+"@example.org")
		v, settled := second.Foresee(t.Context(), r)
		if !settled {
			v = second.Do(t.Context(), r)
		}
		require.NoError(t, done.Err, statement)
		require.NoError(t, v.Err, statement)
		require.Equal(t, Verdict{ID: done.ID, Version: 1, Position: done.Position, Replayed: true}, v, statement)
	}
}
