// Package eventlog is the one log: appending to it in groups, loading a stream
// of it, reading it from a position. No other package appends. Two read events beside
// it, through functions of the database that show only what each needs: looks back
// (query/past.go) and what the monitor counts. Others ask the table only how far the log
// is, and of the event at a position what id it has or when it was recorded.
//
// Group commit: whatever commands wait while one transaction is at work go
// together into the next, through one server-side function, in one round trip
// and one sync. A lone command never waits for company. The function holds the
// log's lock until it commits, so positions are gapless and in commit order: an
// event that can be seen has every earlier one visible.
package eventlog
