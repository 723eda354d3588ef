package archtest

// place is where a package stands: what it may import of this module, and why no
// more.
type place struct {
	may []string
	why string
	// pure: a function of its arguments; see purity_test.go.
	pure bool
	// trial: it serves tests; only tests, and packages that serve them, import it.
	trial bool
}

// places holds every package of the module. A new one is given its place here.
// Test files may import more than their package: what they try it against.
var places = map[string]place{
	"events": {pure: true,
		why: "The vocabulary stands beneath everything and knows nothing above itself."},
	"command": {pure: true, may: []string{"events"},
		why: "A decision follows from events and the command alone; doing is elsewhere."},
	"projections": {pure: true, may: []string{"events"},
		why: "A fold follows from the row and the event alone; whoever calls it reads and writes."},
	"projections/fixedlog": {trial: true, may: []string{"events"},
		why: "It reads what the views are tried on, and knows none of them."},
	"query": {may: []string{"events", "projections", "internal/admission", "internal/jsonwriter", "internal/reading", "internal/vault"},
		why: "A question reads the rows of its projection and opens what is sealed; it never decides, and never meets commands."},
	"command/api": {may: []string{"command", "events", "internal/admission", "internal/auth", "internal/dispatch", "internal/eventlog", "internal/tracing", "internal/web", "internal/live"},
		why: "The command side's door turns requests into commands; it reads no view."},
	"query/api": {may: []string{"query", "events", "internal/admission", "internal/cache", "internal/outage", "internal/reading", "internal/web", "internal/live"},
		why: "The query side's door turns requests into questions; it commands nothing."},
	"cmd/sical": {may: []string{
		"command", "command/api", "events", "projections", "query", "query/api",
		"internal/admin",
		"internal/reconcile",
		"internal/auth", "internal/bench/load", "internal/bus", "internal/cache", "internal/demo", "internal/dispatch", "internal/embedded", "internal/eventlog", "internal/heap",
		"internal/ids", "internal/importer", "internal/lines", "internal/live", "internal/loadtest", "internal/monitor", "internal/openapi", "internal/oulad", "internal/pause", "internal/postgres", "internal/profile",
		"internal/projector", "internal/rebuild", "internal/reaction", "internal/relay", "internal/tail",
		"internal/telemetry", "internal/tracing", "internal/vault", "internal/web", "internal/webhook", "internal/wire"},
		why: "The one place that wires; it uses what is finished, and nothing that serves tests."},

	"deploy/consumer": {why: "It stands for somebody outside, who has nothing of this module."},
	"internal/admin": {may: []string{"events", "projections", "internal/eventlog", "internal/projector", "internal/rebuild", "internal/reconcile", "internal/web"},
		why: "It lets operators ask for what others do."},
	"internal/bench/bare": {trial: true, why: "It is what everything else is measured against, and has nothing of it."},
	"internal/bench/load": {may: []string{"events", "internal/auth", "internal/loadtest", "internal/pause"},
		why: "It loads a system over HTTP, as its users do, with tokens it signs; of how that works it knows nothing."},

	"internal/admission": {why: "How much can be done at a time is told without knowing what is done."},
	"internal/archtest":  {why: "It reads the tree as text and needs nothing of it."},
	"internal/auth":      {may: []string{"internal/outage"}, why: "Who somebody is can be told without knowing what this system is about."},
	"internal/bus":       {may: []string{"internal/pause"}, why: "It carries messages and does not look into them."},
	"internal/cache": {may: []string{"events", "internal/outage", "internal/telemetry", "internal/wire", "projections"},
		why: "It keeps answers without knowing what they say; only names, positions and ids pass, of builds too."},
	"internal/demo": {may: []string{"command", "events", "internal/dispatch", "internal/ids", "internal/importer"},
		why: "It tells a story as commands; what becomes of them is the importer's."},
	"internal/dispatch": {may: []string{"command", "events", "internal/eventlog", "internal/vault"},
		why: "It brings commands to the log; what they look like over HTTP, and who reads, is not its affair."},
	"internal/embedded": {why: "It starts servers, for whatever they are used."},
	"internal/eventlog": {may: []string{"events", "internal/admission", "internal/postgres", "internal/tracing", "internal/vault"},
		why: "The log appends and reads events; what they mean, and who carries them on, is not its affair."},
	"internal/eventlog/logtest": {trial: true, may: []string{"events", "internal/eventlog", "internal/postgres", "internal/testkit", "internal/vault"},
		why: "It makes a log for tests of whatever works on one."},
	"internal/heap": {why: "It steers the garbage collector, whatever makes the garbage."},
	"internal/ids":  {may: []string{"events"}, why: "An id follows from what is brought in, whatever that is."},
	"internal/importer": {may: []string{"command", "events", "internal/dispatch"},
		why: "Imported commands go the way of all commands, and no other."},
	"internal/jsonwriter": {why: "JSON is written alike, whatever it says."},
	"internal/lines":      {why: "A line is a line, whatever stands in it."},
	"internal/live":       {may: []string{"events", "internal/postgres"}, why: "It wakes whoever follows something, and does not know what that is."},
	"internal/loadtest":   {may: []string{"internal/pause"}, why: "It knows HTTP and processes, and not what it loads."},
	"internal/openapi": {may: []string{"command", "command/api", "events", "query/api", "internal/web"},
		why: "It describes both doors from their tables of routes, and opens neither."},
	"internal/openapi/contracttest": {trial: true, may: []string{"internal/openapi"},
		why: "It holds what passes over HTTP against the document, whoever sent it."},
	"internal/monitor": {may: []string{"internal/outage", "internal/pause", "internal/telemetry"}, why: "It looks at what stands in the database; it changes nothing and takes part in nothing."},
	"internal/oulad": {may: []string{"command", "events", "internal/ids", "internal/lines"},
		why: "It turns files into commands; what becomes of them is the importer's."},
	"internal/outage":   {why: "That something fails is told alike, whatever it is."},
	"internal/postgres": {may: []string{"internal/telemetry", "internal/tracing"}, why: "Pools, migrations and what an error of the database means are the same for everyone."},
	"internal/pause":    {why: "Waiting is the same for everyone."},
	"internal/profile":  {may: []string{"internal/pause"}, why: "A process can be looked at whatever it does."},
	"internal/projector": {may: []string{"events", "projections", "internal/admission", "internal/bus", "internal/pause", "internal/postgres", "internal/tail", "internal/telemetry", "internal/tracing", "internal/wire"},
		why: "It folds the log into views; it neither decides nor answers."},
	"internal/reading": {may: []string{"events", "internal/postgres", "projections"},
		why: "It reads rows for questions without knowing any; what somebody may see of them is the questions' affair."},
	"internal/reading/readtest": {trial: true, may: []string{"events", "internal/postgres", "internal/testkit", "projections"},
		why: "It makes tables of views for tests of whatever reads them."},
	"internal/reconcile": {may: []string{"events", "internal/bus", "internal/eventlog", "internal/relay", "internal/wire"},
		why: "It holds the stream against the log; making the stream is the relay's."},
	"internal/reaction": {may: []string{"events", "internal/pause", "internal/postgres", "internal/tail"},
		why: "It brings events to whoever reacts to them; what that does is not its affair."},
	"internal/webhook": {may: []string{"events", "internal/postgres", "internal/reaction", "internal/vault", "internal/web"},
		why: "It sends events out; who decides that it may, and whence they come, is not its affair."},
	"internal/rebuild": {may: []string{"events", "projections", "internal/eventlog", "internal/heap", "internal/pause", "internal/postgres", "internal/projector", "internal/wire"},
		why: "It makes views anew beside those that are read, and holds them against the log; it neither decides nor answers."},
	"internal/relay": {may: []string{"events", "internal/bus", "internal/eventlog", "internal/pause", "internal/tracing", "internal/wire"},
		why: "It carries the log to the stream; what happens to it there is the readers' affair."},
	"internal/tail": {may: []string{"events", "internal/bus", "internal/pause", "internal/wire"},
		why: "It keeps up with the log for whoever follows it; what they do with the events is not its affair."},
	"internal/telemetry":    {why: "Names of metrics depend on nothing, so that everything may have some."},
	"internal/testkit":      {trial: true, may: []string{"internal/embedded", "internal/testkit/leak"}, why: "It starts real servers for tests, and knows nothing of what is tested."},
	"internal/testkit/fill": {trial: true, why: "It sets fields, of whatever they are."},
	"internal/testkit/leak": {trial: true, why: "It looks at goroutines, whoever began them."},
	"internal/tracing":      {why: "A trace carries names and positions; whose, it need not know."},
	"internal/vault":        {may: []string{"events", "internal/postgres"}, why: "It seals and opens personal text, wherever that stands."},
	"internal/web":          {may: []string{"internal/jsonwriter", "internal/postgres", "internal/telemetry", "internal/tracing"}, why: "What both doors share knows neither of them."},
	"internal/wire": {may: []string{"events", "internal/bus"},
		why: "It says what an event and a notice look like on the bus, to whoever writes or reads them there."},
}

// trialLibraries are for tests alone: what runs in production shall not carry them.
var trialLibraries = []string{
	"testing", "net/http/httptest", "github.com/anishathalye/porcupine", "github.com/getkin/kin-openapi",
	"github.com/VictoriaMetrics/metricsql", "github.com/google/go-cmp", "github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid",
	"github.com/ThreeDotsLabs/watermill/pubsub/tests",
}

// named are the libraries the design is built on, each with a package that has to
// be imported by what runs in production.
var named = []string{
	"github.com/nats-io/nats.go/jetstream", "github.com/ThreeDotsLabs/watermill/message", "github.com/jackc/pgx/v5",
	"github.com/dgraph-io/ristretto/v2", "github.com/labstack/echo/v4", "github.com/prometheus/client_golang/prometheus",
}
