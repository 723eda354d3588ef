package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"sical-backend/internal/bus"
	"sical-backend/internal/wire"
)

// connect opens the connection to NATS. It is kept for ever: losing NATS costs
// latency and nothing else, and neither does being refused by it, as where a configuration
// lacks a user for a moment; nats.go by itself would close for good the second time.
func (a *App) connect(options ...nats.Option) error {
	var made atomic.Pointer[bus.Link]
	options = append(options, nats.Name("sical"), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(func(tries int) time.Duration { return a.beforeTry(made.Load(), tries) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				a.logger.Warn("nats: connection lost", "error", err)
			}
		}),
		nats.ErrorHandler(a.natsError))
	if user := natsUser(a.natsURL); user != "" {
		options = append(options, nats.CustomInboxPrefix("_INBOX."+user))
	}
	conn, err := bus.Connect(a.natsURL, options...)
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	made.Store(conn)
	a.nats = conn
	a.onClose(conn.Close)
	return nil
}

// beforeTry is how long to wait before all servers are tried the given time since there was
// a connection. Here, and for all cases only here, it can be told why there is none: once
// one was tried, and again every ten seconds or so.
func (a *App) beforeTry(conn *bus.Link, tries int) time.Duration {
	if tries%40 == 2 && conn != nil {
		err := conn.LastError()
		if err == nil { // as where nobody listens
			err = nats.ErrNoServers
		}
		a.logger.Warn("nats: no connection", "error", err)
	}
	return 250*time.Millisecond + rand.N(100*time.Millisecond)
}

// ring tells whichever relay is at work that there is something to read. Where that is
// lost, the relay looks by itself.
func (a *App) ring() { _ = a.nats.Publish(wire.Appended, nil) }

// natsUser is whom the first of the URLs names, "" for nobody: replies come to an inbox
// of that user's, which no other user has to be allowed to hear. What stands alone
// before the host is a secret and no user.
func natsUser(urls string) string {
	first, _, _ := strings.Cut(urls, ",")
	if u, err := url.Parse(strings.TrimSpace(first)); err == nil {
		if _, secret := u.User.Password(); secret && oneToken.MatchString(u.User.Username()) {
			return u.User.Username()
		}
	}
	return ""
}

// oneToken is what may stand between the dots of a subject.
var oneToken = regexp.MustCompile(`^[\w-]+$`)

// natsError logs what NATS tells beside the answers to calls. That rings of the relay's
// bell were dropped is no fault: its channel holds one, which says all that more would.
// That it lets nobody in is told before the next try.
func (a *App) natsError(_ *nats.Conn, from *nats.Subscription, err error) {
	subject := ""
	if from != nil {
		subject = from.Subject
	}
	if subject == wire.Appended && errors.Is(err, nats.ErrSlowConsumer) || errors.Is(err, nats.ErrAuthorization) {
		return
	}
	a.logger.Warn("nats: error", "subject", subject, "error", err)
}
