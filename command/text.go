package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what people write, in runes.
const (
	maxTitle       = 200
	maxDescription = 10_000
	maxCategory    = 64
	maxComment     = 10_000
	maxDisplayName = 100
	maxStudyKind   = 64
)

// title checks a required one-line text.
func title(pointer, s string) error {
	if strings.TrimSpace(s) == "" {
		return broken("blank", pointer, "A title is needed.")
	}
	return line(pointer, s, maxTitle)
}

// remark checks a required text that may have several lines.
func remark(pointer, s string) error {
	if strings.TrimSpace(s) == "" {
		return broken("blank", pointer, "A text is needed.")
	}
	return text(pointer, s, maxComment)
}

// line checks an optional one-line text.
func line(pointer, s string, most int) error {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return broken("control_character", pointer, "One line of text is expected, without control characters.")
	}
	return text(pointer, s, most)
}

// text checks a text that may have several lines.
func text(pointer, s string, most int) error {
	if !utf8.ValidString(s) {
		return broken("invalid_text", pointer, "Text in UTF-8 is expected.")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) }) {
		return broken("control_character", pointer, "Text without control characters is expected, but for line ends and tabs.")
	}
	if n := utf8.RuneCountInString(s); n > most {
		return broken("too_long", pointer, "At most %d characters are allowed, these are %d.", most, n)
	}
	return nil
}

// first is the first error that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ifSet checks an optional field where it is present.
func ifSet[T any](v *T, check func(T) error) error {
	if v == nil {
		return nil
	}
	return check(*v)
}
