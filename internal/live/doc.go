// Package live tells open streams that something they show has changed. It keeps
// no messages: a stream that is woken asks anew, so that one that is slow misses
// steps and never the outcome, and costs the others nothing.
package live
