// Package projector folds the log into the views' tables.
//
// Each view has one owner among all projector processes, by a lease in its row
// of sical.projection, and moves on its own: it loads the rows that a batch of
// events touches, folds in memory and writes rows, totals and checkpoint in one
// transaction that only the present owner, at the present checkpoint, can
// commit. So an event takes effect exactly once however often it is delivered
// and whoever woke up late.
//
// What a view cannot fold holds back its key alone, until somebody has it tried
// again.
//
// Events come live from one feed that all views of a process share; a view that
// is behind it reads the log, and where the feed is silent the log is tailed.
package projector
