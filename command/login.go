package command

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"sical-backend/events"
)

// The kinds of unique value that a user holds.
const (
	ClaimUsername = "username"
	ClaimEmail    = "email"
)

const (
	minUsername = 2   // runes: 张三 is a whole name
	maxUsername = 64  // runes
	maxEmail    = 254 // bytes, as SMTP carries no longer path (RFC 5321, 4.5.3.1.3)
	maxLocal    = 64  // bytes (RFC 5321, 4.5.3.1.1)
)

// LongestLogin is a bound of usernames and e-mail addresses in bytes, ahead of all that is done
// with them: what somebody may have is no longer, however its characters are composed.
const LongestLogin = 1 << 10

// nameForm is the form that a username is kept in, NFKC. A text that is longer than any
// name, however its characters are composed, stays what it is, for username to refuse: of
// one character NFKC may make eighteen.
func nameForm(name string) string {
	if len(name) > LongestLogin {
		return name
	}
	return norm.NFKC.String(name)
}

// UsernameClaim is what keeps a username unique: names that differ only in case
// or in compatibility forms (Unicode NFKC) are one.
func UsernameClaim(name string) Claim {
	// Fold swaps the cases of Cherokee, so that it takes ToLower to make them one.
	folded := strings.ToLower(cases.Fold().String(norm.NFKC.String(name)))
	return Claim{Kind: ClaimUsername, Value: norm.NFKC.String(folded), Field: "/username"}
}

// EmailClaim is what keeps an e-mail address unique: case is no difference. An
// empty address holds nothing.
func EmailClaim(address string) Claim {
	lower := strings.ToLower(norm.NFC.String(address))
	return Claim{Kind: ClaimEmail, Value: norm.NFC.String(lower), Field: "/email"}
}

// LoginClaim is what somebody who logs in with a username or an e-mail address
// must hold. Only addresses have an at sign.
func LoginClaim(login string) Claim {
	if strings.Contains(login, "@") {
		return EmailClaim(login)
	}
	return UsernameClaim(login)
}

// username checks a name in its NFKC form. Letters, their marks and digits of
// every script are allowed, but nothing invisible.
func username(pointer, name string) error {
	if name == "" {
		return broken("blank", pointer, "A username is needed.")
	}
	if n := utf8.RuneCountInString(name); n < minUsername || n > maxUsername {
		return broken("invalid_username", pointer, "A username has from %d to %d characters.", minUsername, maxUsername)
	}
	first, _ := utf8.DecodeRuneInString(name)
	if unicode.IsMark(first) || strings.ContainsFunc(name, func(r rune) bool { return !inName(r) }) {
		return broken("invalid_username", pointer, "A username consists of letters, digits, dots, underscores and hyphens.")
	}
	if !oneWriting(name) {
		return broken("mixed_scripts", pointer, "The letters of a username are of one script, or of those that are written together.")
	}
	return nil
}

func inName(r rune) bool {
	return !invisible(r) && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) || strings.ContainsRune("._-", r)
}

// email checks an address as far as text can tell; whether it works only a mail
// sent there can.
func email(pointer, address string) error {
	local, domain, _ := strings.Cut(address, "@")
	ok := utf8.ValidString(address) && local != "" && len(local) <= maxLocal && len(address) <= maxEmail &&
		!strings.ContainsFunc(local, notInLocal) && domainName.MatchString(domain)
	if !ok {
		return broken("invalid_email", pointer, "An address of the form name@example.org is expected.")
	}
	return nil
}

func notInLocal(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune(`@"(),:;<>[\]`, r)
}

var (
	domainName = regexp.MustCompile(`^[\pL\pN]([\pL\pM\pN-]*[\pL\pM\pN])?(\.[\pL\pN]([\pL\pM\pN-]*[\pL\pM\pN])?)+$`)
	localeForm = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,6}$`)
	zoneForm   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2}$`)
)

// locale checks the form of an optional BCP 47 tag.
func locale(pointer, tag string) error {
	if tag != "" && !localeForm.MatchString(tag) {
		return broken("invalid_locale", pointer, "A language tag such as en-GB or zh-Hans is expected.")
	}
	return nil
}

// timeZone checks the form of an optional IANA name; which names there are is
// known to the tz database, which a decision does not read.
func timeZone(pointer, name string) error {
	if name != "" && !zoneForm.MatchString(name) {
		return broken("invalid_time_zone", pointer, "A time zone's name such as Asia/Shanghai is expected.")
	}
	return nil
}

// Standing is what a login asks of a user's state: the role, and the status,
// "" for someone who is not there.
func Standing(state any) (events.Role, events.UserStatus) {
	s, _ := state.(user)
	return s.role, s.status
}

// PasswordOf tells a user's passwords apart: it is the version of the event that set
// the present one. Whoever checks a password asks first, and brings what it was then
// with the change, which is for that password alone.
func PasswordOf(state any) int {
	s, _ := state.(user)
	return s.password
}
