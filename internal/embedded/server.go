package embedded

import (
	"context"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
)

const (
	superuser = "sical_super"
	database  = "sical"
)

// server is a Postgres that was found and can be run.
type server interface {
	// String says for the banner what it is and where it came from.
	String() string
	// folder is the name of its data folder, one for each major version.
	folder() string
	// prepare makes the data folder at the first start and says how a Postgres on
	// it is run and reached.
	prepare(ctx context.Context, o Options) (*launch, error)
}

// launch is a Postgres ready to be started.
type launch struct {
	cmd  *exec.Cmd // runs in the foreground until SIGINT
	host string    // address, or folder of the socket
	port int
	// password of the superuser and the file that it is kept in, for a server reached over
	// TCP; others are open to whoever may enter the socket's folder.
	password, passwordFile string
	// cleanup removes what only the running server needed.
	cleanup func()
}

// url is the URL of a role in a database.
func (l *launch) url(role, database string) string {
	u := l.bare(role, database)
	if l.password != "" {
		u.User = url.UserPassword(role, l.password)
	}
	return u.String()
}

// bare is that URL without the password.
func (l *launch) bare(role, database string) *url.URL {
	u := &url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database}
	if l.password == "" {
		query := url.Values{"host": {l.host}, "port": {strconv.Itoa(l.port)}}.Encode()
		u.RawQuery = strings.ReplaceAll(query, "+", "%20") // to Postgres's clients a + is no space
		return u
	}
	u.Host = l.host + ":" + strconv.Itoa(l.port)
	u.RawQuery = "sslmode=disable" // loopback
	return u
}
