package postgres

import "strings"

// Text is a string as a column of text takes it, for what others have a say in, such as the
// text of an error: Postgres refuses a NUL and what is no UTF-8, and both become U+FFFD.
func Text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
