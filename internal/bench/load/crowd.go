package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"sical-backend/internal/auth"
	"sical-backend/internal/loadtest"
)

// Crowd is who loads a system, and what they have made there: one person a
// connection, each with goals that all of them may read.
type Crowd struct {
	URL    string // of the system
	signer *auth.Signer
	signed time.Time // at or before the oldest of the people's tokens
	people []Person
	goals  []string
	ranks  []int // of goals, drawn by Zipf's law: some are asked for far more than others
}

const (
	goalsEach = 10
	draws     = 1 << 16
	skew      = 1.1
)

// Gather registers people and lets each make some goals. They have no passwords, as
// their tokens are signed here: whoever has the keys may act as anyone.
func Gather(ctx context.Context, url string, signer *auth.Signer, size int) (*Crowd, error) {
	c := &Crowd{URL: url, signer: signer, signed: time.Now(), people: make([]Person, size), goals: make([]string, size*goalsEach)}
	err := c.prepare(ctx, size, func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) (err error) {
		c.people[u.N], err = Register(ctx, conn, signer)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("register users: %w", err)
	}
	err = c.prepare(ctx, len(c.goals), func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		p := c.people[u.N%size]
		id, a, err := p.CreateGoal(ctx, conn, u)
		if err != nil {
			return err
		}
		c.goals[u.N] = id
		if u.N < len(c.goals)-size {
			return nil
		}
		// What is read shall be there: each person waits for the last goal of their own.
		return p.Await(ctx, conn, "/v1/goals/"+id, a)
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
func (c *Crowd) prepare(ctx context.Context, units int, work loadtest.Work) error {
	r, err := loadtest.Load{
		URL: c.URL, Connections: min(units, 64), Duration: loadtest.MaxDuration, Units: units, Work: work,
	}.Run(ctx)
	if err == nil {
		err = r.Err
	}
	return err
}

// partTakes is longer than any part of a load, with the wait for the views behind it.
const partTakes = loadtest.MaxDuration + 2*settled

// renew signs everybody's token anew where one could end before the part does that
// begins now. It is not done before each: a token that is new is checked for longer.
func (c *Crowd) renew() error {
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
func (c *Crowd) person(conn *loadtest.Conn) Person { return c.people[conn.Index%len(c.people)] }

// Create makes a goal.
func (c *Crowd) Create(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
	_, _, err := c.person(conn).CreateGoal(ctx, conn, u)
	return err
}

// Read asks for one of the goals, popular ones more often.
func (c *Crowd) Read(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
	_, err := conn.Do(ctx, loadtest.Request{
		Method: http.MethodGet, Path: "/v1/goals/" + c.goals[c.ranks[u.N%draws]], Token: c.person(conn).Token,
	})
	return err
}

// list asks for the first page of one's own goals.
func (c *Crowd) list(ctx context.Context, conn *loadtest.Conn, _ loadtest.Unit) error {
	p := c.person(conn)
	_, err := conn.Do(ctx, loadtest.Request{
		Method: http.MethodGet, Path: "/v1/users/" + p.ID + "/goals?limit=20", Token: p.Token,
	})
	return err
}

// Mixed is what an ordinary day looks like: 60 % read one thing, 20 % list, 20 % are
// commands.
func (c *Crowd) Mixed(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
	switch u.N % 10 {
	case 0, 5:
		return c.Create(ctx, conn, u)
	case 3, 7:
		return c.list(ctx, conn, u)
	}
	return c.Read(ctx, conn, u)
}

// settled is how long the views may take to have what a load left behind.
const settled = time.Minute

// Settle waits until the views that goals stand in have everything so far.
func (c *Crowd) Settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settled)
	defer cancel()
	conn, err := loadtest.Dial(ctx, c.URL)
	if err != nil {
		return err
	}
	defer conn.Close()
	p := c.people[0]
	id, a, err := p.CreateGoal(ctx, conn, loadtest.Unit{})
	if err != nil {
		return err
	}
	for _, path := range []string{"/v1/goals/" + id, "/v1/users/me", "/v1/statistics"} {
		if err := p.Await(ctx, conn, path, a); err != nil {
			return fmt.Errorf("wait for the views: %w", err)
		}
	}
	return nil
}
