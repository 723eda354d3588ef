package command

import (
	"encoding/base64"
	"strings"
	"testing"

	"sical-backend/events"
)

const (
	hookURL    = "https://example.org/hook"
	hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// hooked is a webhook and what became of it.
func hooked(facts ...events.Data) history {
	registered := &events.WebhookRegistered{URL: hookURL, EventTypes: []string{"goal.*"}}
	return on(events.StreamOf(events.KindWebhook, idOf("hook")), nobody, append([]events.Data{registered}, facts...)...)
}

func TestSecretStaysOutOfEvents(t *testing.T) {
	t.Parallel()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(hookSecret, secretMark))
	if err != nil {
		t.Fatal(err)
	}
	for c, log := range map[Command]history{
		&RegisterWebhook{of("new"), hookURL, []string{"*"}, hookSecret}: nil,
		&ReviseWebhook{Of: of("hook"), Key: new(hookSecret)}:            hooked(),
	} {
		o, err := given{ada, log}.decide(c)
		if err != nil || o.Secret != string(key) {
			t.Errorf("%T: %v, %x", c, err, o.Secret)
		}
		raw, err := events.Encode(o.Events[0])
		if err != nil || strings.Contains(string(raw), "whsec") || strings.Contains(string(raw), hookSecret[6:]) {
			t.Errorf("%T: %v, %s", c, err, raw)
		}
	}
	o, err := given{ada, hooked()}.decide(&DeleteWebhook{of("hook")})
	if err != nil || !o.DropSecret {
		t.Errorf("deleted, and the secret stays: %v", err)
	}
}

func TestWebhookForms(t *testing.T) {
	t.Parallel()
	register := func(url, secret string, types ...string) string {
		o, err := given{by: ada}.decide(&RegisterWebhook{of("new"), url, types, secret})
		return verdict(o, err)
	}
	for _, url := range []string{
		"", "example.org", "ftp://example.org", "https://", "https:///path", "https://user:pass@example.org/", "https://example.org/#part",
		"https://example.org:port/", "https://example.org:99999/", "https://example.org:0/", "http//example.org", "https://example.org/" + strings.Repeat("x", maxURL), "javascript:alert(1)", "https://[::1",
	} {
		if got := register(url, hookSecret, "*"); got != "invalid_url" && got != "missing" {
			t.Errorf("%.40s: %s", url, got)
		}
	}
	for _, url := range []string{"https://example.org", "http://10.0.0.7:8080/hook?token=x", "https://[2001:db8::1]:8443/学习"} {
		if got := register(url, hookSecret, "*"); got != "ok" {
			t.Errorf("%s: %s", url, got)
		}
	}
	for _, secret := range []string{"whsec_", "whsec_c2hvcnQ=", hookSecret[6:], "whsec_" + strings.Repeat("A", 120), "whsec_?" + hookSecret[7:]} {
		if got := register(hookURL, secret, "*"); got != "invalid_secret" {
			t.Errorf("%s: %s", secret, got)
		}
	}
	for want, types := range map[string][]string{
		"unknown_event_type": {"goal.exploded"}, "repeated": {"goal.*", "goal.*"}, "too_many": strings.Fields(strings.Repeat("* ", maxEventTypes+1)),
		"missing": {}, "ok": {"goal.created", "user.*", "*"},
	} {
		if got := register(hookURL, hookSecret, types...); got != want {
			t.Errorf("%v: %s, want %s", types, got, want)
		}
	}
	for _, pattern := range []string{"goal*", "g*", ".*", "**", "*.created", "goal.c*", ""} {
		if got := register(hookURL, hookSecret, pattern); got != "unknown_event_type" {
			t.Errorf("%q: %s", pattern, got)
		}
	}
}
