// Package reaction answers events with effects outside: each reaction is a handler
// on Watermill's router, and each of those it serves (a consumer, such as one
// webhook) gets the events in the log's order, at least once, at its own pace.
//
// A consumer's position stands in Postgres, beside the lease of the one process
// that serves it; nothing that happens to the stream or the read models moves it.
// The live events come over JetStream into one end of the log in memory (internal/tail),
// which all consumers share. It begins anew behind a hole; whoever is behind what is held
// there reads the log.
package reaction
