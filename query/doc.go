// Package query answers questions about the views, one file each, paired with
// the view of the same name: who may see what, the SQL on the view's table, what
// is composed from several views, and the answer rendered to JSON. The names
// under which an answer may be kept, and what outdates it, stand beside it.
package query
