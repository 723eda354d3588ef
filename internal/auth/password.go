package auth

import (
	_ "embed"
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Why CheckPassword refuses a password.
var (
	ErrPasswordShort  = errors.New("password has fewer than 8 characters")
	ErrPasswordLong   = errors.New("password has more than 256 characters")
	ErrPasswordCommon = errors.New("password is among the first anyone would try")
	ErrPasswordText   = errors.New("password is not UTF-8 text")
)

const (
	minPassword = 8
	maxPassword = 256
)

// The lists have only those of 8 and more characters; shorter ones are refused anyway.
var (
	// frequentPasswords are the 3,000 most frequent ones that passed (OWASP ASVS 5.0, 6.2.4), of
	// the dictionary that zxcvbn-ts keeps from what was leaked.
	//
	//go:embed frequent_passwords.txt
	frequentPasswords string
	// likelyPasswords are others that suggest themselves: years, seasons, what Chinese keyboards
	// and songs have people type, this program's name.
	//
	//go:embed likely_passwords.txt
	likelyPasswords string
)

// CheckPassword tells whether a new password may be used. Characters are
// counted as code points of the NFC form. Nothing is asked of their kinds (NIST
// SP 800-63B, section 5.1.1.2): such rules make passwords worse.
func CheckPassword(password string) error {
	if !utf8.ValidString(password) {
		return ErrPasswordText
	}
	password = normal(password)
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return ErrPasswordShort
	case n > maxPassword:
		return ErrPasswordLong
	}
	if common(password) {
		return ErrPasswordCommon
	}
	return nil
}

// common tells whether a password is in the lists, in whatever case and width and with spaces
// around it, or one character over and over.
func common(password string) bool {
	plain := strings.TrimSpace(cases.Fold().String(norm.NFKC.String(password)))
	_, first := utf8.DecodeRuneInString(plain)
	entry := "\n" + plain + "\n"
	return strings.Trim(plain, plain[:first]) == "" ||
		strings.Contains(frequentPasswords, entry) || strings.Contains(likelyPasswords, entry)
}

// normal is the form that is hashed. Keyboards and systems differ in how they
// compose é or ü, and one password must be one password on all of them. NFC
// does only that; NFKC and case folding would merge different passwords.
func normal(password string) string { return norm.NFC.String(password) }
