package embedded

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// substitute is a docker command that runs an installed server instead of a
// container, in the way the image does: published port, named volume, a password
// for the superuser, settings after the image's name, a locale that is there.
const substitute = `#!/bin/bash
export LC_ALL=C
echo "$*" >> "$DOCKER_CALLS"
case $1 in info|rm) exit 0 ;; image) exit 1 ;; esac
shift
while [ $# -gt 0 ]; do
  case $1 in
    --publish) port=${2#127.0.0.1:} port=${port%:5432}; shift ;;
    --volume) data=${2%%:*}; shift ;;
    --env) [ "${2%%=*}" != "$2" ] && [ "${2#*=}" != "$2" ] && export "$2"; shift ;;
    --name|--shm-size|--user) shift ;;
    --rm) ;;
    postgres:18) shift; break ;;
    *) echo "unknown option $1" >&2; exit 125 ;;
  esac
  shift
done
as=""
secret="$(dirname "$data")/secret"
echo "$POSTGRES_PASSWORD" > "$secret"
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid=nobody --clear-groups"; chown nobody "$data" "$secret"; fi
cd /
if [ ! -e "$data/PG_VERSION" ]; then
  $as "$SERVER/initdb" -D "$data" --no-sync -U "$POSTGRES_USER" -A scram-sha-256 --pwfile="$secret" >/dev/null || exit 1
fi
exec $as "$SERVER/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= "$@"
`

// fakeDocker puts a docker command on PATH and returns the file it notes its calls in.
func fakeDocker(t *testing.T, script string) string {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "docker"), []byte(script), 0o755))
	calls := filepath.Join(bin, "calls")
	t.Setenv("DOCKER_CALLS", calls)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return calls
}

func TestContainerStandsIn(t *testing.T) {
	around := lookAround()
	if len(around) == 0 {
		t.Skip("the substitute for docker needs an installed server")
	}
	if _, err := exec.LookPath("setpriv"); err != nil && os.Geteuid() == 0 {
		t.Skip("the substitute for docker needs setpriv")
	}
	calls := fakeDocker(t, substitute)
	t.Setenv("SERVER", around[0])
	o := options(folder(t, nil))
	var told bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&told, nil))
	found, err := docker{time.Minute}.find(t.Context(), "")
	require.NoError(t, err)

	p, err := runServer(soon(t), found, o)
	require.NoError(t, err)
	require.Contains(t, told.String(), "fetching PostgreSQL 18", "before the wait for the image")
	require.Equal(t, "sical", query(t, p.AdminURL, `select current_database()::text`))
	execute(t, p.AdminURL, `create role reader login password '`+p.Password+`'`)
	require.Equal(t, "reader", query(t, p.URL("reader"), `select current_user::text`))
	kept, err := os.ReadFile(p.PasswordFile)
	require.NoError(t, err)
	require.Equal(t, p.Password, string(kept), "for who is told of the file alone")
	require.NotContains(t, p.ShownURL, p.Password)
	require.Equal(t, p.AdminURL, strings.Replace(p.ShownURL, "@", ":"+p.Password+"@", 1))
	require.NoError(t, p.close(t.Context()))

	p, err = runServer(soon(t), found, o)
	require.NoError(t, err, "the password is kept with the data")
	require.Equal(t, dockerFolder, clusterIn(t, o.DataDir))
	require.NoError(t, p.close(context.Background()))
	said, err := os.ReadFile(calls)
	require.NoError(t, err)
	require.NotContains(t, string(said), p.Password, "arguments are for all to see")
}

func TestDockerWithoutEngine(t *testing.T) {
	fakeDocker(t, "#!/bin/sh\necho Cannot connect to the Docker daemon >&2; exit 1\n")
	_, err := docker{time.Minute}.find(t.Context(), "")
	require.ErrorContains(t, err, "Cannot connect to the Docker daemon")
	fakeDocker(t, "#!/bin/sh\nexec sleep 60\n")
	_, err = docker{100 * time.Millisecond}.find(t.Context(), "")
	require.ErrorContains(t, err, "docker info: ")
	_, err = docker{time.Minute}.find(t.Context(), "pg15")
	require.Error(t, err)
	t.Setenv("PATH", "/nonexistent")
	_, err = docker{time.Minute}.find(t.Context(), "")
	require.ErrorContains(t, err, "not on PATH")
}
