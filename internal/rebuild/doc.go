// Package rebuild makes builds of views anew beside those that are read, and
// holds them against the log and against each other.
//
// A build is filled in bulk: the log is read by COPY, decoded and folded in
// memory by all cores, each row written once, and indexed afterwards. Where the
// view does not fit the memory it may use, it is folded a range of keys at a
// time, the log being read once for each. From there on the projectors keep it going
// like any other. It is compared with the build that is read, in one snapshot and as of
// one position; then one row of the registry changes over to it.
package rebuild
