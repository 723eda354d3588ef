// Package loadtest loads an HTTP server on this machine and tells what that took:
// latencies, processor time and memory of the server's processes, and histograms
// the server publishes.
//
// A closed loop sends as fast as its connections are answered and shows how much a
// server can do. An open loop sends at a fixed rate whatever the server does, and
// counts each latency from the moment its request was due: a server that stalls
// then pays for every request that had to wait (Gil Tene, "coordinated omission").
package loadtest
