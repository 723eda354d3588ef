package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func text(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(content)
}

// TestNATSConfiguration has the server itself read what is deployed.
func TestNATSConfiguration(t *testing.T) {
	for _, role := range []string{"COMMAND", "PROJECTOR", "QUERY", "CONSUMER"} {
		t.Setenv("NATS_"+role+"_PASSWORD", "of-"+role)
	}
	options, err := natsserver.ProcessConfigFile(filepath.Join(root, "deploy", "nats", "nats.conf"))
	require.NoError(t, err)
	assert.True(t, options.JetStream)
	assert.True(t, options.SyncAlways)
	require.Len(t, options.Users, 4)
	for _, user := range options.Users {
		role := strings.TrimPrefix(user.Username, "sical_")
		assert.Equal(t, "of-"+strings.ToUpper(role), user.Password)
		assert.NotNil(t, user.Permissions, "%s may do anything", user.Username)
		assert.Equal(t, role != "consumer", user.Account.Name == "SICAL", "who is outside has an account apart: %s", user.Username)
	}
	assert.Equal(t, "127.0.0.1", options.HTTPHost, "the monitor is not for others")
}

// TestComposeKeepsToItself: what is published is bound to loopback, and no password
// has a default.
func TestComposeKeepsToItself(t *testing.T) {
	t.Parallel()
	compose := text(t, "docker-compose.yml")
	published := regexp.MustCompile(`(?m)^\s+ports:\s*(.*)$`).FindAllStringSubmatch(compose, -1)
	require.Len(t, published, 4)
	for _, ports := range published {
		assert.Regexp(t, `^\["127\.0\.0\.1:\d+:\d+"\]$`, ports[1])
	}
	for _, variable := range regexp.MustCompile(`\$\{[^}]*\}`).FindAllString(compose, -1) {
		assert.Contains(t, variable, ":?", "%s has to be given", variable)
	}
	assert.NotRegexp(t, `(?im)^\s*\S*password: *[^$ ]`, compose)
	assert.NotContains(t, compose, "privileged: true")
}

func TestImageIsBare(t *testing.T) {
	t.Parallel()
	file := text(t, "deploy/Dockerfile")
	_, last, found := strings.Cut(file, "\nFROM gcr.io/distroless/static")
	require.True(t, found)
	assert.Contains(t, last, "\nUSER 65532:65532\n")
	assert.NotContains(t, last, "\nRUN ", "there is no shell to run anything")
	assert.Contains(t, file, "-trimpath")
}
