package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/pause"
)

// Person is a user with an access token.
type Person struct {
	ID, Token string
	claims    auth.Claims // of the token
}

// sign gives the person a new token.
func (p *Person) sign(signer *auth.Signer) (err error) {
	p.Token, err = signer.Sign(p.claims, auth.MaxLifetime)
	return err
}

// Register makes a user, who registers themself as an admin would: neither an e-mail
// address nor a password is needed then, and none is hashed.
func Register(ctx context.Context, conn *loadtest.Conn, signer *auth.Signer) (Person, error) {
	id := uuid.New()
	claims := auth.Claims{User: id, Session: uuid.New(), Role: string(events.Admin)}
	admin, err := signer.Sign(claims, time.Minute)
	if err != nil {
		return Person{}, err
	}
	claims.Role = string(events.Learner)
	p := Person{ID: id.String(), claims: claims}
	if err := p.sign(signer); err != nil {
		return Person{}, err
	}
	_, err = conn.Do(ctx, loadtest.Request{
		Method: http.MethodPost, Path: "/v1/users", Token: admin,
		Body: fmt.Sprintf(`{"id":%q,"username":"bench-%s","display_name":"Bench 学"}`, id, id),
	})
	return p, err
}

// GoalBody has a goal of ordinary length, with further members of its JSON object.
func GoalBody(members string, u loadtest.Unit) string {
	return fmt.Sprintf(`{%s,"title":"Learn something useful, part %d","description":"A few pages a day, with exercises; 每天几页，配合练习。","category":"programming"}`, members, u.N)
}

// CreateGoal makes a goal, which has one event, and returns its id beside the answer.
func (p Person) CreateGoal(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) (string, loadtest.Answer, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", loadtest.Answer{}, err
	}
	a, err := conn.Do(ctx, loadtest.Request{
		Method: http.MethodPost, Path: "/v1/goals", Token: p.Token,
		Body: GoalBody(fmt.Sprintf(`"id":%q,"visibility":"public"`, id), u),
	})
	return id.String(), a, err
}

// readAsOf asks as of the command that gave the answer.
func (p Person) readAsOf(ctx context.Context, conn *loadtest.Conn, path string, a loadtest.Answer) error {
	_, err := conn.Do(ctx, loadtest.Request{
		Method: http.MethodGet, Path: path, Token: p.Token,
		Headers: []string{"Sical-Min-Position: " + a.Header.Get("Sical-Position"), "Prefer: wait=5"},
	})
	return err
}

// Await asks as of the command that gave the answer, until the view is there.
func (p Person) Await(ctx context.Context, conn *loadtest.Conn, path string, a loadtest.Answer) error {
	return whileBehind(ctx, func() error { return p.readAsOf(ctx, conn, path, a) })
}

// whileBehind asks again for as long as a view is not there yet: one that is being built
// says so at once.
func whileBehind(ctx context.Context, ask func() error) error {
	err := ask()
	for isBehind(err) && pause.For(ctx, 50*time.Millisecond) {
		err = ask()
	}
	return err
}

// isBehind tells whether a view had not caught up within the wait asked for. A view that
// is paused says something else at once, and never will.
func isBehind(err error) bool {
	status, ok := errors.AsType[*loadtest.StatusError](err)
	return ok && strings.Contains(status.Body, `"not_caught_up"`)
}
