// Package reading reads the rows of views as they stood at one moment, and how far the views
// were by then: in a Snapshot, a transaction of as many round trips as it takes, or by one
// statement for all keys. It knows which build of a view is read, remembers rows that say what
// else to read, and has a Batcher read together for all who ask at the same time. What is
// asked, by whom, and what they may see of it, is not its affair.
package reading
