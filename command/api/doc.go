// Package api is the command side's HTTP door: it turns requests into commands,
// has them carried out, and answers with the id, the version and the position.
// The table in routes.go lists every path; what a path does is the rule it names.
package api
