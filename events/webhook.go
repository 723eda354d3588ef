package events

import "strings"

// WebhookStatus is where a webhook stands.
type WebhookStatus string

// The statuses of a webhook.
const (
	WebhookStatusEnabled  WebhookStatus = "enabled"
	WebhookStatusDisabled WebhookStatus = "disabled"
)

// Values lists the statuses.
func (WebhookStatus) Values() []WebhookStatus {
	return []WebhookStatus{WebhookStatusEnabled, WebhookStatusDisabled}
}

// WebhookRegistered begins sending events to somebody else's address, from the
// next event on. The secret that it is signed with never enters the log. The URL is sent
// to no receiver: it may be another's secret.
type WebhookRegistered struct {
	URL        string   `json:"url" outside:"-"`
	EventTypes []string `json:"event_types"`
}

// WebhookRevised changes where a webhook goes and what it tells; nil is
// unchanged. Of the secret it says only that there is a new one.
type WebhookRevised struct {
	URL           *string  `json:"url,omitzero" outside:"-"`
	EventTypes    []string `json:"event_types,omitzero"`
	SecretChanged bool     `json:"secret_changed,omitzero"`
}

// WebhookDisabled holds a webhook's events back until it is enabled again.
type WebhookDisabled struct {
	Reason string `json:"reason" outside:"-"` // which may name the receiver
}

// WebhookEnabled lets a disabled webhook go on where it stopped.
type WebhookEnabled struct{}

// WebhookDeleted ends a webhook; its secret is destroyed.
type WebhookDeleted struct{}

func (*WebhookRegistered) fact() {}
func (*WebhookRevised) fact()    {}
func (*WebhookDisabled) fact()   {}
func (*WebhookEnabled) fact()    {}
func (*WebhookDeleted) fact()    {}

var (
	_ = define[WebhookRegistered]("webhook.registered", 1)
	_ = define[WebhookRevised]("webhook.revised", 1)
	_ = define[WebhookDisabled]("webhook.disabled", 1)
	_ = define[WebhookEnabled]("webhook.enabled", 1)
	_ = defineFinal[WebhookDeleted]("webhook.deleted", 1)
)

// Selects tells whether one of the patterns stands for the stored name of an
// event: the name itself, a kind and ".*", or "*".
func Selects(patterns []string, name string) bool {
	for _, p := range patterns {
		prefix, all := strings.CutSuffix(p, "*")
		if p == name || all && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
