package events

import "unicode"

// Ignorable tells whether a character shows nothing and takes no room: Unicode's default
// ignorables, such as joiners, soft hyphens and variation selectors, and other marks of
// formatting. Texts that differ in these alone look alike.
func Ignorable(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}
