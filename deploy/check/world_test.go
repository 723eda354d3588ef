package check

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/embedded"
	"sical-backend/internal/testkit"
)

// programs are what was built so far, by build tag; all stand in one folder.
var programs struct {
	sync.Mutex
	dir   string
	names map[string]string
}

// program builds sical with a build tag, or without one.
func program(tag string) (string, error) {
	programs.Lock()
	defer programs.Unlock()
	if name := programs.names[tag]; name != "" {
		return name, nil
	}
	if programs.dir == "" {
		dir, err := os.MkdirTemp("", "sical-check-")
		if err != nil {
			return "", err
		}
		programs.dir, programs.names = dir, map[string]string{}
	}
	name := filepath.Join(programs.dir, "sical"+tag)
	out, err := exec.Command("go", "build", "-C", "../..", "-buildvcs=false", "-tags", tag, "-o", name, "./cmd/sical").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	programs.names[tag] = name
	return name, nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(programs.dir)
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	name, err := program("")
	require.NoError(t, err)
	return name
}

// run runs a program to its end and returns what it printed; its log is apart.
func run(t *testing.T, program string, env map[string]string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(soon(t), program, args...)
	cmd.Env = environment(env)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	require.NoError(t, err, "%s%s", out, &log)
	return string(out)
}

func environment(env map[string]string) []string {
	list := []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "HOME=" + os.TempDir()}
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// world is what the containers would find: a Postgres that wants passwords, a NATS
// with the configuration that is deployed, the files that would be mounted.
type world struct {
	t        *testing.T
	dir      string
	archive  string // folder of the archived write-ahead log
	instance *embedded.Instance
	socket   string // folder of Postgres's socket
	postgres string // host and port
	nats     string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "sical-check-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711)) // Postgres runs as another user and passes through
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{t: t, dir: dir}
	w.startPostgres()
	w.startNATS()
	w.writeKeys()
	return w
}

func (w *world) file(name, text string) string {
	w.t.Helper()
	name = filepath.Join(w.dir, name)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(w.t, os.WriteFile(name, []byte(text), 0o644))
	require.NoError(w.t, os.Chmod(name, 0o644)) // whatever the umask: Postgres may run as another user
	return name
}

// startPostgres starts a server that only its superuser enters without a password,
// and makes the database's owner.
func (w *world) startPostgres() {
	w.t.Helper()
	w.archive = filepath.Join(w.dir, "archive")
	require.NoError(w.t, os.Mkdir(w.archive, 0o755))
	require.NoError(w.t, os.Chmod(w.archive, 0o777)) // Postgres may run as another user
	w.runPostgres(nil)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nothing to save
		_ = w.instance.Close(ctx)
	})
	conn, err := pgx.Connect(w.t.Context(), w.instance.Postgres.AdminURL)
	require.NoError(w.t, err)
	_, err = conn.Exec(w.t.Context(), `create role sical login createrole password '`+passwords["POSTGRES_PASSWORD"]+`'; alter database sical owner to sical`)
	require.NoError(w.t, err)
	w.socket = conn.Config().Host
	require.NoError(w.t, conn.Close(w.t.Context()))
	w.postgres = testkit.Proxy(w.t, w.socket+"/.s.PGSQL.5432").Address
}

// runPostgres starts the server on its data with more settings.
func (w *world) runPostgres(more map[string]string) {
	w.t.Helper()
	w.instance = w.postgresIn("postgres", more)
}

// postgresIn starts a server on the data of a folder.
func (w *world) postgresIn(folder string, more map[string]string) *embedded.Instance {
	w.t.Helper()
	settings := map[string]string{
		"hba_file": w.file("pg_hba.conf", "local all,replication sical_super trust\nlocal all all scram-sha-256\n"),
		"fsync":    "off", "max_connections": "120",
		"archive_mode": "on", "archive_command": "cp %p " + shell(w.archive) + "/%f",
	}
	maps.Copy(settings, more)
	instance, err := embedded.Start(w.t.Context(), embedded.Options{
		DataDir: filepath.Join(w.dir, folder), SkipNATS: true, Logger: slog.New(slog.DiscardHandler), Settings: settings,
	})
	require.NoError(w.t, err)
	return instance
}

// shell is a text as one word for a shell.
func shell(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

func (w *world) startNATS() {
	w.t.Helper()
	server := w.runNATS("nats.conf", nil)
	w.nats = server.Addr().String()
}

// runNATS starts a server with a configuration that is deployed, but for its places.
func (w *world) runNATS(config string, change func(*natsserver.Options)) *natsserver.Server {
	w.t.Helper()
	options, err := natsserver.ProcessConfigFile("../nats/" + config)
	require.NoError(w.t, err)
	options.Host, options.Port, options.HTTPPort = "127.0.0.1", -1, 0
	options.AuthTimeout = 60 // seconds: this machine may be busy
	options.StoreDir, options.NoSigs, options.NoLog = filepath.Join(w.dir, options.ServerName), true, true
	if change != nil {
		change(options)
	}
	server, err := natsserver.NewServer(options)
	require.NoError(w.t, err)
	server.Start()
	w.t.Cleanup(func() {
		server.Shutdown()
		server.WaitForShutdown()
	})
	require.True(w.t, server.ReadyForConnections(time.Minute))
	return server
}

func (w *world) writeKeys() {
	w.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(w.t, err)
	signing, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(w.t, err)
	verifying, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(w.t, err)
	w.file("keys/master-key", rand.Text()+rand.Text())
	w.file("keys/signing-key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: signing})))
	w.file("keys/verifying-key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: verifying})))
	for _, role := range []string{"command", "query", "projector"} {
		w.file("passwords/sical_"+role, passwords[strings.ToUpper(role)+"_PASSWORD"]+"\n")
	}
}

// here has a container's variables name this world's places, and loopback ports.
func (w *world) here(env map[string]string) map[string]string {
	places := strings.NewReplacer(
		"@postgres:5432", "@"+w.postgres, "@nats:4222", "@"+w.nats,
		"/run/secrets", filepath.Join(w.dir, "passwords"), "/passwords", filepath.Join(w.dir, "passwords"),
		"/keys/", filepath.Join(w.dir, "keys")+"/",
	)
	changed := map[string]string{"SICAL_DATA_DIR": filepath.Join(w.dir, "volume")}
	for name, value := range env {
		changed[name] = places.Replace(value)
	}
	for _, name := range []string{"SICAL_LISTEN", "SICAL_ADMIN_LISTEN"} {
		if changed[name] != "" {
			changed[name] = freeAddress(w.t)
		}
	}
	return changed
}

// freeAddress is one that nobody is handed before a process listens on it.
func freeAddress(t testing.TB) string { return fmt.Sprint("127.0.0.1:", testkit.Port(t)) }

// soon ends long after any process should have, a minute before the tests have to: one that
// hangs is killed then.
func soon(t *testing.T) context.Context {
	end, ok := t.Deadline()
	if !ok {
		return context.Background()
	}
	ctx, cancel := context.WithDeadline(context.Background(), end.Add(-time.Minute))
	t.Cleanup(cancel)
	return ctx
}

// process is a running role.
type process struct {
	cmd    *exec.Cmd
	log    string // the file it writes to
	public string // its public address
	env    map[string]string
}

// start runs a container's command and waits until its own health check is content.
func (w *world) start(c container) *process {
	w.t.Helper()
	env := w.here(c.env)
	log, err := os.CreateTemp(w.dir, "log-")
	require.NoError(w.t, err)
	name, err := program(c.tag)
	require.NoError(w.t, err)
	p := &process{exec.CommandContext(soon(w.t), name, c.args...), log.Name(), env["SICAL_LISTEN"], env}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = environment(env), log, log
	require.NoError(w.t, p.cmd.Start())
	require.NoError(w.t, log.Close())
	w.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		if w.t.Failed() {
			text, _ := os.ReadFile(p.log)
			w.t.Logf("%v:\n%s", c.args, text)
		}
	})
	testkit.Eventually(w.t, func() error {
		cmd := exec.CommandContext(soon(w.t), binary(w.t), "health")
		cmd.Env = environment(env)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %s", c.args, out)
		}
		return nil
	})
	return p
}

// stop ends a process as a container's stop does and wants it to end well.
func (w *world) stop(p *process) {
	w.t.Helper()
	require.NoError(w.t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(w.t, p.cmd.Wait(), p.cmd.Args)
}
