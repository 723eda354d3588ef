package command

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestUsername(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"anna", "张三", "Anna.K_2-x", "สมชาย", "ÅSA", strings.Repeat("长", 64)} {
		if err := username("", ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"", "a", "张", "o'brien", "a b", "a@b", "a/b/c", "<script>", "\u0301abc", "ab\u200bc", "ab\u202ec", "abc\ufe0f", "ab\u3164", "ab\x00", "ab\xff",
		"ab🙂", strings.Repeat("长", 65),
	} {
		if username("", bad) == nil {
			t.Errorf("%q is taken for a name", bad)
		}
	}
}

// A name is one however it is composed, and what is longer than any is made no longer still.
func TestNameForm(t *testing.T) {
	t.Parallel()
	hangul := strings.Repeat("각", maxUsername)
	if composed := nameForm(norm.NFD.String(hangul)); composed != hangul || username("", composed) != nil {
		t.Errorf("%q is no name", composed)
	}
	long := strings.Repeat("\ufdfa", LongestLogin)
	if kept := nameForm(long); kept != long || username("", kept) == nil {
		t.Errorf("of %d bytes come %d", len(long), len(kept))
	}
}

func TestClaimsOfLogins(t *testing.T) {
	t.Parallel()
	for _, twins := range [][2]string{
		{"Anna", "ANNA"}, {"ﬁnn", "FINN"}, {"Ａnna", "anna"}, {"straße", "STRASSE"}, {"ΣΊΣΥΦΟΣ", "σίσυφος"}, {"e\u0301va", "ÉVA"}, {"Ꭰ", "ꭰ"},
		{"Anna@Example.org", "anna@EXAMPLE.ORG"}, {"e\u0301@x.org", "É@x.org"},
	} {
		same(t, LoginClaim(twins[0]), LoginClaim(twins[1]))
	}
	for _, apart := range [][2]string{{"anna", "annа"}, {"张三丰", "张三豐"}, {"anna", "anna@x.org"}} {
		if LoginClaim(apart[0]) == LoginClaim(apart[1]) {
			t.Errorf("%q and %q are one", apart[0], apart[1])
		}
	}
	same(t, LoginClaim("Anna@x.org").Kind, ClaimEmail)
	same(t, LoginClaim("Anna").Kind, ClaimUsername)
	same(t, EmailClaim("").Value, "")
}

// Whatever the name, asking for the claimed form again gives the same claim.
func TestUsernameClaimIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		once := UsernameClaim(name)
		if again := UsernameClaim(once.Value); again != once {
			t.Fatalf("%q, then %q", once.Value, again.Value)
		}
		address := EmailClaim(name)
		if again := EmailClaim(address.Value); again != address {
			t.Fatalf("%q, then %q", address.Value, again.Value)
		}
	})
}

func TestEmail(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"a@b.org", "anna+k@mail.example.co.uk", "张三@例子.中国", "o'brien@x-y.ie", strings.Repeat("a", 64) + "@b.org"} {
		if err := email("", ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"a", "@", "a@", "@b.org", "a@b", "a@@b.org", "a@b@c.org", "a b@c.org", "a@b..org", "a@-b.org", "a@b-.org", "a@b.org.", "a@.org",
		"a@b.org\n", "a\u200b@b.org", "<a@b.org>", "a,b@c.org", "a@b.org\r\nBcc: x@y.org", "a\xff@b.org",
		strings.Repeat("a", 65) + "@b.org", "a@" + strings.Repeat("b.", 130) + "org",
	} {
		if email("", bad) == nil {
			t.Errorf("%q is taken for an address", bad)
		}
	}
}

func TestLocaleAndTimeZone(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"", "en", "en-GB", "zh-Hans-CN", "yue", "es-419", "de-CH-1996"} {
		if err := locale("", ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"e", "english", "zh_CN", "en-", "-en", "en GB", "中文"} {
		if locale("", bad) == nil {
			t.Errorf("%q is taken for a language", bad)
		}
	}
	for _, ok := range []string{"", "UTC", "Asia/Shanghai", "America/Argentina/Buenos_Aires", "Etc/GMT+8", "America/Port-au-Prince"} {
		if err := timeZone("", ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"+08:00", "Asia/", "/Asia", "Asia//Shanghai", "../../etc", "Asia/Shang hai", "a/b/c/d", strings.Repeat("a", 33)} {
		if timeZone("", bad) == nil {
			t.Errorf("%q is taken for a time zone", bad)
		}
	}
}
