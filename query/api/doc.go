// Package api is the HTTP side of the questions: a table of routes, each of which
// turns a request into one question, and what all of them share: how current an
// answer must be, and how the client is told how current it is.
package api
