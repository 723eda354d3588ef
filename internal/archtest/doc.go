// Package archtest holds the tests that keep the house in order: which package may
// import which, what the pure ones may use, how long a file may be, what stands at
// the top level, and that everything exported is explained. They parse the tree
// themselves, so that they see every file whatever its build constraints.
package archtest
