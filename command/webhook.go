package command

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sical-backend/events"
)

// The rules of a webhook:
//  1. Admins alone know of it: it carries what everybody does.
//  2. It is told the events after its registration. Disabled, it misses none: it
//     goes on where it stopped.
//  3. Its secret is never told again, and never stands in the log.

const (
	maxURL        = 2048
	maxEventTypes = 100
	maxReason     = 500
	maxSecret     = 128
	leastKey      = 24 // bytes of a secret's key, from Standard Webhooks
	mostKey       = 64
	secretMark    = "whsec_"
)

// RegisterWebhook has events sent to an address.
type RegisterWebhook struct {
	Of
	URL        string   `json:"url" doc:"where events are posted to: https, or http to a network that the operator allows" minlen:"1" maxlen:"2048" format:"uri"`
	EventTypes []string `json:"event_types" doc:"which events: stored names such as goal.created, all of a kind as goal.*, or * for every one"`
	Key        string   `json:"secret" doc:"what deliveries are signed with (Standard Webhooks): whsec_ and 24 to 64 bytes in base64; never shown again" minlen:"1" maxlen:"128"`
}

// ReviseWebhook changes a webhook; absent fields stay.
type ReviseWebhook struct {
	Of
	URL        *string  `json:"url,omitzero" doc:"where events are posted to" minlen:"1" maxlen:"2048" format:"uri"`
	EventTypes []string `json:"event_types,omitempty" doc:"which events, in place of the old list"`
	Key        *string  `json:"secret,omitzero" doc:"a new secret; for a day deliveries carry a signature with the old one as well" minlen:"1" maxlen:"128"`
}

// EnableWebhook lets a disabled webhook go on where it stopped.
type EnableWebhook struct{ Of }

// DisableWebhook holds a webhook's events back.
type DisableWebhook struct {
	Of
	Reason string `json:"reason,omitempty" doc:"why, a line for whoever looks at it" maxlen:"500"`
}

// DisableReason is a failure's text as DisableWebhook takes it: parts of one come from the receiver.
func DisableReason(failure string) string { return oneLine(failure, maxReason) }

// DeleteWebhook ends a webhook and destroys its secret.
type DeleteWebhook struct{ Of }

// webhook is what deciding about a webhook needs to know.
type webhook struct {
	status events.WebhookStatus // "" before it is registered and after its end
	url    string
	types  []string
}

var webhooks = Aggregate[webhook]{events.KindWebhook, evolveWebhook}

var webhookRules = []Rule{
	creating(rule(webhooks, "register", Admins, registerWebhook)),
	rule(webhooks, "revise", Admins, reviseWebhook),
	rule(webhooks, "enable", Admins, enableWebhook),
	rule(webhooks, "disable", Admins, disableWebhook),
	rule(webhooks, "delete", Admins, deleteWebhook),
}

func evolveWebhook(s webhook, e events.Event) webhook {
	switch d := e.Data.(type) {
	case *events.WebhookRegistered:
		return webhook{events.WebhookStatusEnabled, d.URL, d.EventTypes}
	case *events.WebhookRevised:
		s.url = or(d.URL, s.url)
		if d.EventTypes != nil {
			s.types = d.EventTypes
		}
	case *events.WebhookDisabled:
		s.status = events.WebhookStatusDisabled
	case *events.WebhookEnabled:
		s.status = events.WebhookStatusEnabled
	case *events.WebhookDeleted:
		return webhook{}
	}
	return s
}

// steered refuses an actor who may not steer webhooks, or one that is not there.
func (s webhook) steered(g Given) error {
	if !g.may(events.Admin) {
		return forbidden("Only an admin steers webhooks.")
	}
	if s.status == "" {
		return notFound(events.KindWebhook)
	}
	return nil
}

func registerWebhook(_ webhook, c *RegisterWebhook, g Given) (Outcome, error) {
	if !g.may(events.Admin) {
		return Outcome{}, forbidden("Only an admin steers webhooks.")
	}
	secret, err := secretKey("/secret", c.Key)
	if err := first(endpoint("/url", c.URL), eventTypes("/event_types", c.EventTypes), err); err != nil {
		return Outcome{}, err
	}
	return Outcome{Effects: events.Effects{Secret: secret}, Events: []events.Data{&events.WebhookRegistered{URL: c.URL, EventTypes: c.EventTypes}}}, nil
}

func reviseWebhook(s webhook, c *ReviseWebhook, g Given) (Outcome, error) {
	if err := s.steered(g); err != nil {
		return Outcome{}, err
	}
	var o Outcome
	revised := &events.WebhookRevised{URL: differing(s.url, c.URL), SecretChanged: c.Key != nil}
	if c.EventTypes != nil && !slices.Equal(c.EventTypes, s.types) {
		revised.EventTypes = c.EventTypes
	}
	err := first(
		ifSet(c.URL, func(u string) error { return endpoint("/url", u) }),
		ifSet(c.Key, func(k string) (err error) { o.Secret, err = secretKey("/secret", k); return err }),
	)
	if err == nil && c.EventTypes != nil {
		err = eventTypes("/event_types", c.EventTypes)
	}
	if err != nil {
		return Outcome{}, err
	}
	if revised.URL != nil || revised.EventTypes != nil || revised.SecretChanged {
		o.Events = []events.Data{revised}
	}
	return o, nil
}

func enableWebhook(s webhook, _ *EnableWebhook, g Given) (Outcome, error) {
	if err := s.steered(g); err != nil || s.status == events.WebhookStatusEnabled {
		return Outcome{}, err
	}
	return Outcome{Events: []events.Data{&events.WebhookEnabled{}}}, nil
}

func disableWebhook(s webhook, c *DisableWebhook, g Given) (Outcome, error) {
	if err := first(s.steered(g), line("/reason", c.Reason, maxReason)); err != nil || s.status == events.WebhookStatusDisabled {
		return Outcome{}, err
	}
	return Outcome{Events: []events.Data{&events.WebhookDisabled{Reason: c.Reason}}}, nil
}

func deleteWebhook(s webhook, _ *DeleteWebhook, g Given) (Outcome, error) {
	if err := s.steered(g); err != nil {
		return Outcome{}, err
	}
	return Outcome{Effects: events.Effects{DropSecret: true}, Events: []events.Data{&events.WebhookDeleted{}}}, nil
}

// endpoint checks the form of a URL to post to. Whether it may be reached is known
// only when it is connected to.
func endpoint(pointer, text string) error {
	if text == "" {
		return missing(pointer)
	}
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Scheme != "https" && u.Scheme != "http" ||
		u.Hostname() == "" || !port(u.Port()) || u.User != nil || strings.Contains(text, "#") {
		return broken("invalid_url", pointer, "An https URL of at most %d bytes is expected, without user and fragment.", maxURL)
	}
	return nil
}

// port tells whether an optional port is one that can be connected to.
func port(number string) bool {
	n, err := strconv.ParseUint(number, 10, 16)
	return number == "" || err == nil && n > 0
}

// eventTypes checks a list of patterns as events.Selects reads them: each must
// stand for something that there is.
func eventTypes(pointer string, patterns []string) error {
	if len(patterns) == 0 {
		return broken("missing", pointer, "At least one event type is needed.")
	}
	if len(patterns) > maxEventTypes {
		return broken("too_many", pointer, "At most %d entries are allowed.", maxEventTypes)
	}
	for i, p := range patterns {
		at := fmt.Sprintf("%s/%d", pointer, i)
		kind, wild := strings.CutSuffix(p, "*")
		known := slices.ContainsFunc(events.Types(), func(t *events.Type) bool { return events.Selects(patterns[i:i+1], t.Name) })
		switch {
		case !known || wild && kind != "" && !strings.HasSuffix(kind, "."):
			return broken("unknown_event_type", at, "There are no such events: a stored name such as goal.created, goal.* or * is expected.")
		case slices.Contains(patterns[:i], p):
			return broken("repeated", at, "An entry stands twice.")
		}
	}
	return nil
}

// secretKey is the key in a secret of the form of Standard Webhooks.
func secretKey(pointer, secret string) (string, error) {
	if secret == "" {
		return "", missing(pointer)
	}
	encoded, marked := strings.CutPrefix(secret, secretMark)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !marked || err != nil || len(secret) > maxSecret || len(key) < leastKey || len(key) > mostKey {
		return "", broken("invalid_secret", pointer, "%s and %d to %d bytes in base64 are expected.", secretMark, leastKey, mostKey)
	}
	return string(key), nil
}
