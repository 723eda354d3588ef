//go:build !linux

package heap

// forgetProgram does nothing where it is not known which pages are the program's.
func forgetProgram() {}
