package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/pause"
)

// crowd is who loads a system, and what they have made there: one person a
// connection, each with goals that all of them may read.
type crowd struct {
	url    string
	signer *auth.Signer
	signed time.Time // at or before the oldest of the people's tokens
	people []person
	goals  []string
	ranks  []int // of goals, drawn by Zipf's law: some are asked for far more than others
}

// person is a user with an access token.
type person struct {
	id, token string
	claims    auth.Claims // of the token
}

// sign gives the person a new token.
func (p *person) sign(signer *auth.Signer) (err error) {
	p.token, err = signer.Sign(p.claims, auth.MaxLifetime)
	return err
}

const (
	goalsEach = 10
	draws     = 1 << 16
	skew      = 1.1
)

// gather registers people and lets each make some goals. They have no passwords, as
// their tokens are signed here: whoever has the keys may act as anyone.
func gather(ctx context.Context, url string, signer *auth.Signer, size int) (*crowd, error) {
	c := &crowd{url: url, signer: signer, signed: time.Now(), people: make([]person, size), goals: make([]string, size*goalsEach)}
	err := c.prepare(ctx, size, func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) (err error) {
		c.people[u.N], err = register(ctx, conn, signer)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("register users: %w", err)
	}
	err = c.prepare(ctx, len(c.goals), func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		p := c.people[u.N%size]
		id, a, err := createGoal(ctx, conn, p, u)
		if err != nil {
			return err
		}
		c.goals[u.N] = id
		if u.N < len(c.goals)-size {
			return nil
		}
		// What is read shall be there: each person waits for the last goal of their own.
		return seenAsOf(ctx, conn, p, "/v1/goals/"+id, a)
	})
	if err != nil {
		return nil, fmt.Errorf("create goals: %w", err)
	}
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), skew, 1, uint64(len(c.goals)-1))
	c.ranks = make([]int, draws)
	for i := range c.ranks {
		c.ranks[i] = int(zipf.Uint64())
	}
	return c, nil
}

// prepare does some units, all of which have to succeed.
func (c *crowd) prepare(ctx context.Context, units int, work loadtest.Work) error {
	r, err := loadtest.Load{
		URL: c.url, Connections: min(units, 64), Duration: loadtest.MaxDuration, Units: units, Work: work,
	}.Run(ctx)
	if err == nil {
		err = r.Err
	}
	return err
}

// register makes a user, who registers themself as an admin would: neither an e-mail
// address nor a password is needed then, and none is hashed.
func register(ctx context.Context, conn *loadtest.Conn, signer *auth.Signer) (person, error) {
	id := uuid.New()
	claims := auth.Claims{User: id, Session: uuid.New(), Role: string(events.Admin)}
	admin, err := signer.Sign(claims, time.Minute)
	if err != nil {
		return person{}, err
	}
	claims.Role = string(events.Learner)
	p := person{id: id.String(), claims: claims}
	if err := p.sign(signer); err != nil {
		return person{}, err
	}
	_, err = conn.Do(ctx, loadtest.Request{
		Method: http.MethodPost, Path: "/v1/users", Token: admin,
		Body: fmt.Sprintf(`{"id":%q,"username":"bench-%s","display_name":"Bench 学"}`, id, id),
	})
	return p, err
}

// partTakes is longer than any part of a load, with the wait for the views behind it.
const partTakes = loadtest.MaxDuration + 2*settled

// renew signs everybody's token anew where one could end before the part does that
// begins now. It is not done before each: a token that is new is checked for longer.
func (c *crowd) renew() error {
	now := time.Now()
	if now.Add(partTakes).Before(c.signed.Add(auth.MaxLifetime)) {
		return nil
	}
	for i := range c.people {
		if err := c.people[i].sign(c.signer); err != nil {
			return err
		}
	}
	c.signed = now
	return nil
}

// person is who uses a connection.
func (c *crowd) person(conn *loadtest.Conn) person { return c.people[conn.Index%len(c.people)] }

// create makes a goal.
func (c *crowd) create(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
	_, _, err := createGoal(ctx, conn, c.person(conn), u)
	return err
}

// read asks for one of the goals, popular ones more often.
func (c *crowd) read(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
	_, err := conn.Do(ctx, loadtest.Request{
		Method: http.MethodGet, Path: "/v1/goals/" + c.goals[c.ranks[u.N%draws]], Token: c.person(conn).token,
	})
	return err
}

// list asks for the first page of one's own goals.
func (c *crowd) list(ctx context.Context, conn *loadtest.Conn, _ loadtest.Unit) error {
	p := c.person(conn)
	_, err := conn.Do(ctx, loadtest.Request{
		Method: http.MethodGet, Path: "/v1/users/" + p.id + "/goals?limit=20", Token: p.token,
	})
	return err
}

// mixed is what an ordinary day looks like: 60 % read one thing, 20 % list, 20 % are
// commands.
func (c *crowd) mixed(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
	switch u.N % 10 {
	case 0, 5:
		return c.create(ctx, conn, u)
	case 3, 7:
		return c.list(ctx, conn, u)
	}
	return c.read(ctx, conn, u)
}

// goalBody has a goal of ordinary length, with further members of its JSON object.
func goalBody(members string, u loadtest.Unit) string {
	return fmt.Sprintf(`{%s,"title":"Learn something useful, part %d","description":"A few pages a day, with exercises; 每天几页，配合练习。","category":"programming"}`, members, u.N)
}

// createGoal makes a goal, which has one event.
func createGoal(ctx context.Context, conn *loadtest.Conn, p person, u loadtest.Unit) (string, loadtest.Answer, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", loadtest.Answer{}, err
	}
	a, err := conn.Do(ctx, loadtest.Request{
		Method: http.MethodPost, Path: "/v1/goals", Token: p.token,
		Body: goalBody(fmt.Sprintf(`"id":%q,"visibility":"public"`, id), u),
	})
	return id.String(), a, err
}

// readAsOf asks as of the command that gave the answer.
func readAsOf(ctx context.Context, conn *loadtest.Conn, p person, path string, a loadtest.Answer) error {
	_, err := conn.Do(ctx, loadtest.Request{
		Method: http.MethodGet, Path: path, Token: p.token,
		Headers: []string{"Sical-Min-Position: " + a.Header.Get("Sical-Position"), "Prefer: wait=5"},
	})
	return err
}

// settled is how long the views may take to have what a load left behind.
const settled = time.Minute

// settle waits until the views that goals stand in have everything so far.
func (c *crowd) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settled)
	defer cancel()
	conn, err := loadtest.Dial(ctx, c.url)
	if err != nil {
		return err
	}
	defer conn.Close()
	p := c.people[0]
	id, a, err := createGoal(ctx, conn, p, loadtest.Unit{})
	if err != nil {
		return err
	}
	for _, path := range []string{"/v1/goals/" + id, "/v1/users/me", "/v1/statistics"} {
		if err := seenAsOf(ctx, conn, p, path, a); err != nil {
			return fmt.Errorf("wait for the views: %w", err)
		}
	}
	return nil
}

// seenAsOf asks as readAsOf does, until the view is there.
func seenAsOf(ctx context.Context, conn *loadtest.Conn, p person, path string, a loadtest.Answer) error {
	return whileBehind(ctx, func() error { return readAsOf(ctx, conn, p, path, a) })
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
