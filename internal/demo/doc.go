// Package demo is a small world of the project's own, told as commands: four
// subjects in English and Chinese, the people who learn them and look after them,
// and six weeks of what they did.
//
// The six weeks end when whoever loads them says, so that a fresh demo has a
// yesterday. The ids do not follow: they come from a calendar of their own, and a
// second run on another day finds everything there.
package demo
