package main

import (
	"os"
	"time"
)

// CLI is the command line: what is common, and the subcommands.
type CLI struct {
	Config

	Serve     Serve     `cmd:"" help:"Every role in one process. Without URLs: a private Postgres and an embedded NATS, kept in the data folder."`
	Command   Role      `cmd:"" help:"The command role alone: decides, appends, relays."`
	Query     Role      `cmd:"" help:"The query role alone: answers from memory and the read models."`
	Projector Role      `cmd:"" help:"The projector role alone: folds the log into the read models."`
	Migrate   Migrate   `cmd:"" help:"Bring the database's schema up to this binary's."`
	Import    Import    `cmd:"" help:"Bring real data in, through the same rules as the API, and wait until the views have it, where a projector is up. A second run adds nothing."`
	Demo      Demo      `cmd:"" help:"Load the project's own small demo: a curriculum, learners, weeks of activity."`
	Views     Views     `cmd:"" name:"projections" help:"Look at the read models and steer their projection."`
	Events    Events    `cmd:"" help:"Look at the log, and hold the stream against it."`
	Token     Token     `cmd:"" help:"Print a signed access token, for operators and scripts."`
	Health    Health    `cmd:"" help:"Ask the process at --admin-listen whether it is ready."`
	Bench     Bench     `cmd:"" help:"Load a running system and print the seven targets beside what was measured. It adds users and goals, which stay."`
	OpenAPI   OpenAPI   `cmd:"" name:"openapi" help:"Print the OpenAPI document of the HTTP API."`
	AsyncAPI  AsyncAPI  `cmd:"" name:"asyncapi" help:"Print the AsyncAPI document of the events on NATS."`
	Version   VersionOf `cmd:"" help:"Print version, commit and Go version."`
}

// Config is what every role reads; flags, and SICAL_* variables of the same name.
type Config struct {
	Watching `embed:"" group:"What it tells:"`
	Limits   `embed:"" group:"What it may take:"`
	Webhooks `embed:"" group:"Webhooks:"`

	DataDir         string        `help:"Folder of everything that must survive." default:"${data_dir}" type:"path"`
	Listen          string        `help:"Public address." default:"127.0.0.1:8080"`
	AdminListen     string        `help:"Operators' address: metrics and health. Never make it public." default:"127.0.0.1:9090"`
	PostgresURL     string        `help:"Postgres to use, instead of a private one."`
	PostgresURLFile string        `name:"postgres-url-file" env:"SICAL_POSTGRES_URL_FILE" help:"File that holds the URL, which is a secret where it has a password." type:"path"`
	PostgresBin     string        `help:"Folder with the postgres and initdb to run privately; npm for PostgreSQL 18 from the npm package."`
	NATSURL         string        `name:"nats-url" env:"SICAL_NATS_URL" help:"NATS to use, instead of the embedded one."`
	NATSURLFile     string        `name:"nats-url-file" env:"SICAL_NATS_URL_FILE" help:"File that holds the URL, which is a secret where it has a password." type:"path"`
	MasterKeyFile   string        `help:"Secret that the users' keys are wrapped with, at least 32 bytes. Made in the data folder where absent." type:"path"`
	SigningKeys     []string      `help:"Ed25519 keys (PEM) of access tokens; the first file signs, if it is a private key, and all are believed. The command role makes one in the data folder where absent." type:"path"`
	MaxConns        int32         `help:"Connections to Postgres for requests, of the command and of the query role each, at least 2; reactions have as many, up to 4. What each process opens besides: deploy/sizing.md." default:"10"`
	CacheBytes      int64         `help:"Bytes of answers kept in memory." default:"67108864"`
	StreamMaxBytes  int64         `help:"Bytes of events that the JetStream stream keeps; the oldest go first. Readers that need older ones read the log. Tools such as import heed it only for a stream that they make." default:"1073741824"`
	StreamMaxAge    time.Duration `help:"How long the JetStream stream keeps an event. 0 for ever. Tools such as import heed it only for a stream that they make." default:"168h"`
	StreamReplicas  int           `help:"How many servers of a NATS cluster keep the stream: an odd number up to 5. Tools such as import heed it only for a stream that they make." default:"1" enum:"1,3,5"`
	ReconcileEvery  time.Duration `help:"How often a relay's process compares a part of log and stream. 0 for never." default:"5m"`
	RateLimit       int           `help:"Requests a second that one user, or one address, may make. 0 for no limit." default:"500"`
	RateBurst       int           `help:"Requests at once that one user, or one address, may make." default:"1000"`
	AllowedOrigins  []string      `help:"Origins that browsers may call from (CORS)."`
	TrustedProxies  []string      `help:"Networks (CIDR) whose X-Forwarded-For is believed."`
	DrainDelay      time.Duration `help:"How long to go on answering once told to end, with /ready saying no, so that whoever balances load sends nothing new." default:"0s"`
}

// defaultDataDir is beside the user; root's home is closed to the user that
// Postgres runs as, so root's data is elsewhere.
func defaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/sical"
	}
	return "./sical-data"
}
