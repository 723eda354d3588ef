// Package openapi describes the HTTP API in a machine-readable way: an OpenAPI
// 3.1 document made from the route tables and the Go types that the handlers
// themselves work with, so that it cannot fall behind them, and a page that shows
// it.
package openapi
