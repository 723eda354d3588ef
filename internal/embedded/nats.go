package embedded

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const natsUser = "sical"

// NATSOptions says where an embedded NATS keeps its store.
type NATSOptions struct {
	Dir  string
	Port int // on 127.0.0.1; 0 takes a free one
	// Unsynced leaves syncing to the operating system: for tests, where speed
	// matters more than what a power cut takes.
	Unsynced bool
	MaxStore int64 // bytes of all streams; 0 for what the disk has
	Logger   *slog.Logger
}

// NATS is a NATS server with JetStream in this process. Other processes may join
// over loopback with URL, which holds its credential.
type NATS struct {
	URL    string
	Server *natsserver.Server
}

// StartNATS starts a server and returns once it takes connections.
func StartNATS(o NATSOptions) (*NATS, error) {
	secret, err := password(filepath.Join(o.Dir, "password"))
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	if o.Port == 0 {
		o.Port = natsserver.RANDOM_PORT
	}
	s, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "sical",
		Host:       "127.0.0.1",
		Port:       o.Port,
		// The server's own check of a plain password warns about it at each start.
		CustomClientAuthentication: credential(secret),
		JetStream:                  true,
		StoreDir:                   o.Dir,
		JetStreamMaxStore:          o.MaxStore,
		SyncAlways:                 !o.Unsynced,
		MaxPayload:                 1 << 20,
		AuthTimeout:                60,   // seconds; on loopback who is late is on a machine that is busy
		NoSigs:                     true, // signals belong to the program, not to a part of it
	})
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	log := &natsLog{log: o.Logger.With("part", "nats")}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	if err := awaitNATS(s, log); err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("nats did not start: %w", err)
	}
	address := url.URL{Scheme: "nats", User: url.UserPassword(natsUser, secret), Host: s.Addr().String()}
	return &NATS{URL: address.String(), Server: s}, nil
}

// credential lets in whoever knows the password.
type credential string

func (c credential) Check(client natsserver.ClientAuthentication) bool {
	o := client.GetOpts()
	return o.Username == natsUser && subtle.ConstantTimeCompare([]byte(o.Password), []byte(c)) == 1
}

// awaitNATS waits for the server to take connections, or to say that it cannot.
func awaitNATS(s *natsserver.Server, log *natsLog) error {
	for end := time.Now().Add(time.Minute); !s.ReadyForConnections(50 * time.Millisecond); {
		if err := log.fatal(); err != nil {
			return err
		}
		if time.Now().After(end) {
			return errors.New("it takes no connections after a minute")
		}
	}
	return nil
}

// InProcess is the option with which this process connects to URL without a socket.
func (n *NATS) InProcess() nats.Option { return nats.InProcessServer(n.Server) }

// Close stops the server and returns when its store is closed.
func (n *NATS) Close() {
	n.Server.Shutdown()
	n.Server.WaitForShutdown()
}

// natsLog hands the server's lines to slog. What the server calls a notice (its
// banner, each restored stream) is only of interest when looking for a fault.
type natsLog struct {
	log  *slog.Logger
	last atomic.Pointer[string]
}

func (l *natsLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *natsLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *natsLog) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *natsLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l *natsLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }

// Fatalf keeps the line: the server says here, and only here, why it cannot start.
func (l *natsLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.last.Store(&text)
}

func (l *natsLog) fatal() error {
	if text := l.last.Load(); text != nil {
		return errors.New(*text)
	}
	return nil
}
