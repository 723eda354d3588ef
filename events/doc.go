// Package events is the vocabulary of the system: every fact that can stand in
// the log, one file per kind of stream, and the envelope it is recorded in.
//
// Stored names are written by hand beside each type and never change; a renamed
// Go type must not rename history. The catalogue test prints every name, schema
// version and field and fails when a line changes.
package events
