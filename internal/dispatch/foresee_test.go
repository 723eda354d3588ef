package dispatch

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
)

// What is foreseen is what comes about, and foreseeing does nothing by itself.
func TestForeseenIsWhatComes(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	registration := func(name, address string) *Request {
		r := request("user.register", &command.RegisterUser{Of: of(uuid.New()), Username: name, Email: address}, uuid.Nil)
		r.Key, r.Asked = uuid.New(), []byte(name+address)
		return r
	}
	ana := registration("ana", "ana@example.org")
	for range 2 {
		_, ok := d.Foresee(t.Context(), ana)
		require.False(t, ok)
	}
	done := d.Do(t.Context(), ana)
	require.NoError(t, done.Err)

	again, ok := d.Foresee(t.Context(), ana)
	require.True(t, ok)
	require.NoError(t, again.Err)
	require.True(t, again.Replayed)
	require.Equal(t, done.Position, again.Position)
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
