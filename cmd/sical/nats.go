package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"sical-backend/internal/wire"
)

// connect opens the connection to NATS. It is kept for ever: losing NATS costs
// latency and nothing else.
func (a *App) connect(options ...nats.Option) error {
	options = append(options, nats.Name("sical"), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(250*time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				a.logger.Warn("nats: connection lost", "error", err)
			}
		}),
		nats.ErrorHandler(a.natsError))
	if user := natsUser(a.natsURL); user != "" {
		options = append(options, nats.CustomInboxPrefix("_INBOX."+user))
	}
	conn, err := nats.Connect(a.natsURL, options...)
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	a.nats = conn
	a.onClose(conn.Close)
	return nil
}

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
func (a *App) natsError(_ *nats.Conn, from *nats.Subscription, err error) {
	subject := ""
	if from != nil {
		subject = from.Subject
	}
	if subject == wire.Appended && errors.Is(err, nats.ErrSlowConsumer) {
		return
	}
	a.logger.Warn("nats: error", "subject", subject, "error", err)
}
