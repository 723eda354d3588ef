package command

import (
	"strings"
	"unicode"
)

// written are the scripts that are written together, as UTS 39 allows (section 5.2,
// highly restrictive): Japanese, Chinese and Korean, each with Latin.
var written = [][]*unicode.RangeTable{
	{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Latin, unicode.Han, unicode.Bopomofo},
	{unicode.Latin, unicode.Han, unicode.Hangul},
}

// oneWriting tells whether the letters of a name belong together: a Cyrillic а among
// Latin letters would make a name that looks like somebody else's. Names wholly of
// another script may look alike still: to refuse those would refuse whole languages.
func oneWriting(name string) bool {
	letters := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			return -1
		}
		return r
	}, name)
	within := func(scripts ...*unicode.RangeTable) bool {
		return !strings.ContainsFunc(letters, func(r rune) bool { return !unicode.In(r, scripts...) })
	}
	for _, scripts := range written {
		if within(scripts...) {
			return true
		}
	}
	for _, script := range unicode.Scripts {
		if within(script) {
			return true
		}
	}
	return false
}
