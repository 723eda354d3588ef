package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parsed is the configuration of arguments and the environment.
func parsed(t *testing.T, args ...string) *Config {
	t.Helper()
	var cli CLI
	parser, err := kong.New(&cli, kong.DefaultEnvars("SICAL"), kong.Vars{"data_dir": t.TempDir()})
	require.NoError(t, err)
	_, err = parser.Parse(append([]string{"serve"}, args...))
	require.NoError(t, err)
	return &cli.Config
}

// Who has a Postgres of its own beside it leaves half to that; all others leave a tenth.
func TestShareOfMemory(t *testing.T) {
	t.Parallel()
	assert.InDelta(t, .5, parsed(t).share(), 0)
	assert.InDelta(t, .9, parsed(t, "--postgres-url", "postgres://db/sical").share(), 0)
}

func TestEveryErrorAtOnce(t *testing.T) {
	t.Parallel()
	require.NoError(t, parsed(t).settle(), "the defaults hold")
	var out, said bytes.Buffer
	status := run([]string{
		"serve", "--listen=x", "--admin-listen=:", "--postgres-url=postgres://u:canary@h:x/d", "--nats-url=canary", "--max-conns=0", "--slow-query=-1s",
		"--trusted-proxies=10.0.0.0", "--allowed-origins=*,https://ok.example,https://Capital.example", "--webhook-allow=10.0.0.0/8,nope", "--master-key-file=/is/not", "--memory-share=2", "--profile-keep=0",
	}, &out, &said)
	require.Equal(t, misuse, status)
	for _, flag := range []string{
		"listen", "admin-listen", "postgres-url", "nats-url", "max-conns", "slow-query", "trusted-proxies", "webhook-allow", "allowed-origins", "master-key-file",
		"memory-share", "profile-keep",
	} {
		assert.Contains(t, said.String(), "sical: --"+flag)
	}
	assert.Equal(t, 13, strings.Count(said.String(), "sical: --"), said.String())
	assert.NotContains(t, said.String(), "canary")
	assert.Contains(t, said.String(), `"https://Capital.example" is no origin such as https://app.example.org, in lower case`)
	assert.Contains(t, said.String(), `--webhook-allow: "nope" is no network such as 10.0.0.0/8`)
}

// What cannot be read at all is told beside what makes no sense, of variables as well, and
// a flag that takes no value still takes none.
func TestUnreadableSettingsAreToldAtOnce(t *testing.T) {
	t.Setenv("SICAL_RATE_BURST", "many")
	t.Setenv("SICAL_STREAM_REPLICAS", "2")
	var out, said bytes.Buffer
	status := run([]string{"serve", "--demo", "--max-conns=ten", "--slow-query", "soon", "--memory-share=2", "--log-level=loud"}, &out, &said)
	require.Equal(t, misuse, status)
	for _, line := range []string{
		`sical: --log-level: `, `sical: --max-conns: expected a valid 32 bit int but got "ten"`, `sical: --memory-share: more than 0 and at most 1`,
		`sical: --rate-burst: expected a valid 64 bit int but got "many"`, `sical: --slow-query: `, `sical: --stream-replicas: it must be one of 1, 3, 5`,
	} {
		assert.Contains(t, said.String(), line)
	}
	assert.Equal(t, 6, strings.Count(said.String(), "sical: --"), said.String())

	said.Reset()
	require.Equal(t, misuse, run([]string{"serve", "--max-conns=ten", "--nothing-like-it"}, &out, &said))
	assert.Contains(t, said.String(), "sical: --max-conns: ")
	assert.Contains(t, said.String(), "sical: unknown flag --nothing-like-it")
}

func TestSecretsStandInFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(file, []byte("postgres://u:p@db/sical\n"), 0o600))
	t.Setenv("SICAL_POSTGRES_URL_FILE", file)
	c := parsed(t)
	require.NoError(t, c.settle())
	require.Equal(t, "postgres://u:p@db/sical", c.PostgresURL)
	require.ErrorContains(t, parsed(t, "--postgres-url=postgres://other/db").settle(), "--postgres-url-file")
	require.ErrorContains(t, parsed(t, "--nats-url-file=/is/not").settle(), "--nats-url-file")
	require.NoError(t, os.WriteFile(file, []byte(" \n"), 0o600))
	require.ErrorContains(t, parsed(t).settle(), "empty")
}

func TestTheURLOfADatabaseIsOneThatCanBeReadBy(t *testing.T) {
	t.Parallel()
	require.NoError(t, parsed(t, "--postgres-url=postgres://u:canary@db/sical?default_query_exec_mode=cache_describe").settle())
	err := parsed(t, "--postgres-url=postgres://u:canary@db/sical?default_query_exec_mode=exec").settle()
	require.ErrorContains(t, err, "--postgres-url: default_query_exec_mode must be one that describes statements")
	require.NotContains(t, err.Error(), "canary")
}

// Every setting is a flag with a word of help and a variable of the same name.
func TestHelpIsTheDocumentation(t *testing.T) {
	t.Parallel()
	var out, said bytes.Buffer
	require.Equal(t, 0, run([]string{"serve", "--help"}, &out, &said))
	words := strings.Join(strings.Fields(out.String()), " ")
	var walk func(reflect.Type)
	flags := 0
	walk = func(of reflect.Type) {
		for f := range of.Fields() {
			if f.Anonymous {
				walk(f.Type)
				continue
			}
			flags++
			assert.NotEmpty(t, f.Tag.Get("help"), f.Name)
			name := f.Tag.Get("name")
			if name == "" {
				name = kebab(f.Name)
			}
			assert.Contains(t, words, "--"+name, f.Name)
			assert.Contains(t, words, "$SICAL_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_")), f.Name)
		}
	}
	walk(reflect.TypeFor[Config]())
	assert.Greater(t, flags, 25)
}

// kebab is how a field's name becomes a flag.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		lower := func(at int) bool { return at >= 0 && at < len(name) && name[at] >= 'a' && name[at] <= 'z' }
		if upper := r >= 'A' && r <= 'Z'; upper && i > 0 && (lower(i-1) || lower(i+1)) {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
