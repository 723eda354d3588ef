package web

import "strings"

// Pattern is a path of the tables of routes, with {id}, as Echo's router takes it.
func Pattern(path string) string { return strings.ReplaceAll(path, "{id}", ":id") }
