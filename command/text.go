package command

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"sical-backend/events"
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
	if blank(s) {
		return broken("blank", pointer, "A title is needed.")
	}
	return line(pointer, s, maxTitle)
}

// remark checks a required text that may have several lines.
func remark(pointer, s string) error {
	if blank(s) {
		return broken("blank", pointer, "A text is needed.")
	}
	return text(pointer, s, maxComment)
}

// blank tells whether a text shows nothing.
func blank(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !invisible(r) })
}

// invisible tells whether a character shows nothing by itself. Within a text some of
// these have their place: joiners make emoji, and letters of Indic scripts.
func invisible(r rune) bool {
	const emptyBraille = '\u2800'
	return r == emptyBraille || unicode.Is(unicode.White_Space, r) || events.Ignorable(r)
}

// line checks an optional one-line text. What turns the writing direction around would
// go on behind it, in whatever stands beside it on the page.
func line(pointer, s string, most int) error {
	if strings.ContainsFunc(s, notInLine) {
		return broken("control_character", pointer, "One line of text is expected, without control characters.")
	}
	if s != "" && blank(s) {
		return broken("blank", pointer, "A text that shows something is expected.")
	}
	return text(pointer, s, most)
}

// oneLine makes a text that somebody else wrote one that line takes: what is refused in one
// becomes a space.
func oneLine(s string, most int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if notInLine(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
	return string(runes[:min(most, len(runes))])
}

func notInLine(r rune) bool {
	turns := r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' // embeddings, overrides, isolates
	return turns || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp)
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
