// Package command decides. One file per aggregate holds its commands, the state
// a decision needs, and two kinds of pure function:
//
//	decide(state, command, given) -> outcome | refusal
//	evolve(state, event) -> state
//
// No IO, no clock, no context: who and when come in with Given, and what spans
// streams goes out with the Outcome as guards and claims, which the log checks
// under its append lock. A command is found by its name in Rules.
package command
