package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"sical-backend/internal/embedded"
	"sical-backend/internal/postgres"
	"sical-backend/internal/web"
)

// settle reads the secrets that stand in files and checks every setting. Its error
// names all that is wrong, a line each, and holds no secret.
func (c *Config) settle() error {
	var wrong []error
	say := func(flag, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("--%s: %s", flag, fmt.Sprintf(format, args...)))
	}
	c.fromFile("postgres-url", &c.PostgresURL, c.PostgresURLFile, say)
	c.fromFile("nats-url", &c.NATSURL, c.NATSURLFile, say)
	c.checkBackends(say)
	c.checkDoors(say)
	for flag, n := range map[string]int64{
		"max-conns": int64(c.MaxConns), "cache-bytes": c.CacheBytes, "stream-max-bytes": c.StreamMaxBytes,
		"rate-burst": int64(c.RateBurst), "profile-keep": int64(c.ProfileKeep),
		"profile-every": int64(c.ProfileEvery), "monitor-interval": int64(c.MonitorInterval),
	} {
		if n <= 0 {
			say(flag, "more than 0 is needed")
		}
	}
	for flag, n := range map[string]int64{
		"stream-max-age": int64(c.StreamMaxAge), "rate-limit": int64(c.RateLimit), "slow-query": int64(c.SlowQuery),
		"drain-delay": int64(c.DrainDelay), "webhook-give-up": int64(c.WebhookGiveUp), "mutex-profile": int64(c.MutexProfile), "block-profile": int64(c.BlockProfile), "gc-percent": int64(c.GCPercent),
	} {
		if n < 0 {
			say(flag, "less than 0 makes no sense")
		}
	}
	if c.MemoryShare <= 0 || c.MemoryShare > 1 {
		say("memory-share", "more than 0 and at most 1 is needed")
	}
	for _, file := range append([]string{c.MasterKeyFile}, c.SigningKeys...) {
		if file == "" {
			continue
		}
		if f, err := os.Open(file); err != nil {
			say("master-key-file, --signing-keys", "%v", err)
		} else {
			_ = f.Close()
		}
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(wrong...)
}

type sayer func(flag, format string, args ...any)

// fromFile reads a setting that stands in a file instead.
func (c *Config) fromFile(flag string, setting *string, file string, say sayer) {
	if file == "" {
		return
	}
	if *setting != "" {
		say(flag+"-file", "--%s is given, too", flag)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		say(flag+"-file", "%v", err)
	}
	if *setting = strings.TrimSpace(string(content)); err == nil && *setting == "" {
		say(flag+"-file", "the file is empty")
	}
}

func (c *Config) checkBackends(say sayer) {
	if c.PostgresBin != "" && c.PostgresBin != embedded.NPM {
		c.PostgresBin = kong.ExpandPath(c.PostgresBin)
	}
	if c.PostgresURL != "" {
		if c.PostgresBin != "" {
			say("postgres-bin", "--postgres-url is given, too")
		}
		// The driver's own error repeats the URL, with a password that it may not
		// recognise as one.
		switch _, err := postgres.Parse(c.PostgresURL); {
		case errors.Is(err, postgres.ErrTextResults):
			say("postgres-url", "%v", err)
		case err != nil:
			say("postgres-url", "this is no postgres://user:password@host/database, or it names a file that cannot be read")
		}
	}
	for server := range strings.SplitSeq(c.NATSURL, ",") {
		if u, err := url.Parse(strings.TrimSpace(server)); server != "" && (err != nil || u.Host == "") {
			say("nats-url", "this is no nats://user:password@host:port")
		}
	}
}

func (c *Config) checkDoors(say sayer) {
	for flag, address := range map[string]string{"listen": c.Listen, "admin-listen": c.AdminListen} {
		_, port, err := net.SplitHostPort(address)
		if err != nil || port == "" {
			say(flag, "%q is no host:port", address)
		} else if _, err := net.LookupPort("tcp", port); err != nil {
			say(flag, "%q is no port: 0 to 65535 are", port)
		}
	}
	for _, origin := range c.AllowedOrigins {
		if err := web.CheckOrigin(origin); err != nil {
			say("allowed-origins", "%v", err)
		}
	}
	for flag, list := range map[string][]string{"trusted-proxies": c.TrustedProxies, "webhook-allow": c.WebhookAllow} {
		for _, network := range list {
			if _, err := netip.ParsePrefix(network); err != nil {
				say(flag, "%q is no network such as 10.0.0.0/8", network)
			}
		}
	}
}
