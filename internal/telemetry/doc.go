// Package telemetry is the one place where metrics are named: a file for each area,
// with its names, what they mean and which values their labels take. Who works
// is handed the collectors of its area and tells them; nobody else registers any.
//
// The names of http_*, db_*, active_users_total, learning_goals_created_total,
// memory_usage_bytes and goroutines_total are agreed with those who watch; all
// others begin with sical_. Units are seconds and bytes. Every label is bounded by
// the code or by configuration, never by what a client sends.
//
// To add a metric: a field and a line in its area's file. To add an area: a file
// like log.go, and a call of its constructor where the part is wired.
package telemetry
