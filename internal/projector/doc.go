// Package projector folds the log into the views' tables.
//
// Each shard of a build has one owner among all projector processes. Its row of
// sical.projection names the owner; the lease is the process's, in its row of
// sical.projector. A shard moves on its own: it loads the rows that a batch of events
// touches, folds in memory and writes rows, totals and checkpoint in one transaction.
// Only the present owner, at the present checkpoint, can commit that. So an event takes
// effect exactly once, however often it is delivered and whoever woke up late.
//
// What a view cannot fold holds back its key alone, until somebody has it tried
// again.
//
// All views of a process share one end of the log in memory (internal/tail), which a
// feed brings and, where that is silent, the log itself. A view that is behind what is
// held there reads the log.
package projector
