package telemetry

import (
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// NATS tells whether the connection to NATS stands, and how often it came back.
func NATS(r prometheus.Registerer, link interface {
	IsConnected() bool
	Reconnects() uint64
}) {
	ask(r, "sical_nats_connected", "1 while this process is connected to NATS, else 0.", func() float64 {
		if link.IsConnected() {
			return 1
		}
		return 0
	})
	count(r, "sical_nats_reconnects_total", "Times that a lost connection to NATS came back.", func() float64 {
		return float64(link.Reconnects())
	})
}

// load tells how many requests are under way, and how many may be.
type load = func() (underWay, limit int)

// Reading tells of what answers queries: bytes of answers and rows in memory, readers that
// wait for what they have written, and questions that are being answered from the tables.
func Reading(r prometheus.Registerer, bytes, waiting func() int64, rows func() int, alone, gathered, past load) {
	ask(r, "sical_cache_bytes", "Bytes that the kept answers take.", func() float64 { return float64(bytes()) })
	ask(r, "sical_rows_remembered", "Rows that are kept as they say what else to read for an answer.", func() float64 { return float64(rows()) })
	ask(r, "sical_waiting_readers", "Requests that wait for a view to reach a position.", func() float64 { return float64(waiting()) })
	limits(r, "Questions that are being answered from the tables: alone or searching, gathered by ids, or about the past.",
		map[string]load{"sical_loads": alone, "sical_gathered_loads": gathered, "sical_past_loads": past})
}

// Deciding tells of the command side: requests that ask the database, logins and refreshes among
// them, and long batches of commands, which have a limit of their own.
func Deciding(r prometheus.Registerer, commands, batches load) {
	limits(r, "Requests of the command side that ask the database (sical_commands), and batches of more than ten commands (sical_command_batches).",
		map[string]load{"sical_commands": commands, "sical_command_batches": batches})
}

// limits tells of what is under way, and how much of it may be.
func limits(r prometheus.Registerer, help string, loads map[string]load) {
	for name, load := range loads {
		ask(r, name, help, func() float64 {
			underWay, _ := load()
			return float64(underWay)
		})
		ask(r, name+"_limit", "How many there may be at a time, as long as they take; others are refused as overloaded.", func() float64 {
			_, limit := load()
			return float64(limit)
		})
	}
}

// Streams tells how many live streams are open, and returns the counters of those
// that were left as their clients took too long, and of loads that failed.
func Streams(r prometheus.Registerer, open func() int) (dropped, failed prometheus.Counter) {
	ask(r, "sical_streams_open", "Live streams that are open.", func() float64 { return float64(open()) })
	return counter(r, "sical_streams_dropped_total", "Live streams whose clients did not take in time what they were sent."),
		counter(r, "sical_streams_load_failures_total", "Loads of live streams that failed for a reason that does not pass by itself; each is tried again.")
}

// Revocations tells how old what is known of ended sessions is.
func Revocations(r prometheus.Registerer, lag func() time.Duration) {
	ask(r, "sical_revocation_lag_seconds", "Age of what is known of ended sessions, with what a replica is behind; above 5, one may still be let in.",
		func() float64 { return lag().Seconds() })
}

// Disk tells how much room the disk of the data folder has.
func Disk(r prometheus.Registerer, folder string) {
	ask(r, "sical_data_size_bytes", "Size of the disk that the data folder is on.", func() float64 {
		size, _ := room(folder)
		return size
	})
	ask(r, "sical_data_free_bytes", "Bytes that may still be written on the disk of the data folder.", func() float64 {
		_, free := room(folder)
		return free
	})
}

// Connections counts open connections of the servers that it is the ConnState of: each
// takes a goroutine, and one more while it is answered.
func Connections(r prometheus.Registerer) func(net.Conn, http.ConnState) {
	open := gauge(r, "sical_http_connections", "Connections that clients hold open.")
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Inc()
		case http.StateClosed, http.StateHijacked:
			open.Dec()
		}
	}
}
