// Package web is what both HTTP APIs share at the door: problem details,
// strict JSON and query input, one lean middleware chain (recovery, request id,
// security headers, CORS, metrics, tokens, rate limits, compression),
// conditional requests, and the tuned server and client.
//
// It knows nothing of the domain: of the project it imports only what writes JSON,
// names metrics, carries traces and tells what an error of the database means.
package web
