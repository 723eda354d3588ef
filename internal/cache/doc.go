// Package cache keeps rendered answers in memory and never gives one that is
// older than what was promised.
//
// Positions knows how far each view has come: projectors send a wire.Notice after
// each of their commits, chained so that a lost one is noticed. A notice raises
// the floors of the names it changed; an answer stands, in each view, at the position
// its rows were read at, and one that stands below the floor of a name it depends on is
// not given. Nothing is deleted when something changes, so nothing can race
// with the deletion, and whatever ristretto drops, delays or misorders is
// merely a miss.
package cache
