// Package load is the load that `sical bench` puts on a running system: a crowd of
// users who command and read, what that came to, and the report that holds it against
// the seven targets the design began with.
package load
