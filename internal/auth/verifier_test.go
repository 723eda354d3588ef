package auth

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var someTime = time.Date(2026, 11, 23, 8, 30, 0, 500e6, time.UTC)

// door is a signer and a verifier of one key at a clock that a test sets.
type door struct {
	now      time.Time
	keys     *Keyring
	signer   *Signer
	verifier *Verifier
}

func newDoor(t testing.TB) *door {
	t.Helper()
	keys, err := OpenKeyring(t.TempDir())
	require.NoError(t, err)
	d := &door{now: someTime, keys: keys}
	clock := func() time.Time { return d.now }
	d.signer, err = NewSigner(keys, "https://sical.test", "sical", clock)
	require.NoError(t, err)
	d.verifier = NewVerifier(keys, "https://sical.test", "sical", &Revocations{}, clock)
	return d
}

func (d *door) public() ed25519.PublicKey { return d.keys.signing.Public().(ed25519.PublicKey) }

func (d *door) token(t testing.TB) (Claims, string) {
	t.Helper()
	c := Claims{User: uuid.New(), Session: uuid.New(), Role: "learner", Generation: 3}
	token, err := d.signer.Sign(c, AccessLifetime)
	require.NoError(t, err)
	c.Expires = d.now.Add(AccessLifetime).Truncate(time.Second)
	return c, token
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign puts our own signature under anything: what then is refused is refused
// for what it says.
func (d *door) sign(header, payload string) string {
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	return text + "." + encode(ed25519.Sign(d.keys.signing, []byte(text)))
}

// parts are header and payload of a good token, as JSON.
func parts(t testing.TB, token string) (header, payload string) {
	t.Helper()
	pieces := strings.Split(token, ".")
	h, err := base64.RawURLEncoding.DecodeString(pieces[0])
	require.NoError(t, err)
	p, err := base64.RawURLEncoding.DecodeString(pieces[1])
	require.NoError(t, err)
	return string(h), string(p)
}

// with sets members of a JSON object, or removes those set to remove.
func with(t testing.TB, object string, members map[string]any) string {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(object), &m))
	for name, value := range members {
		if m[name] = value; value == remove {
			delete(m, name)
		}
	}
	text, err := json.Marshal(m)
	require.NoError(t, err)
	return string(text)
}

const remove = "\x00remove"

// mustRefuse asks twice, lest a refusal leave something in the cache, and once
// the genuine token is in there.
func mustRefuse(t *testing.T, d *door, genuine string, attacks map[string]string) {
	t.Helper()
	for round := range 2 {
		for name, token := range attacks {
			_, err := d.verifier.Verify(token)
			require.ErrorIs(t, err, ErrToken, "%s, round %d", name, round)
		}
		_, err := d.verifier.Verify(genuine)
		require.NoError(t, err)
	}
}

func TestATokenSaysWhatWasSigned(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	want, token := d.token(t)
	for range 2 { // the second is from the cache
		got, err := d.verifier.Verify(token)
		require.NoError(t, err)
		require.True(t, want.Expires.Equal(got.Expires))
		got.Expires = want.Expires
		require.Equal(t, want, got)
	}
	header, payload := parts(t, token)
	_, err := d.verifier.Verify(d.sign(header, payload))
	require.NoError(t, err, "the tests' own signing makes good tokens")
}

func TestForgedPayloads(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	_, genuine := d.token(t)
	header, payload := parts(t, genuine)
	now := d.now.Unix()
	attacks := map[string]string{}
	for name, members := range map[string]map[string]any{
		"another issuer":       {"iss": "https://evil.test"},
		"no issuer":            {"iss": remove},
		"issuer, prefix":       {"iss": "https://sical.test.evil"},
		"another audience":     {"aud": "other"},
		"no audience":          {"aud": remove},
		"empty audience":       {"aud": []string{}},
		"two audiences":        {"aud": []string{"sical", "other"}},
		"audience of numbers":  {"aud": []int{1}},
		"no exp":               {"exp": remove},
		"exp null":             {"exp": nil},
		"exp past":             {"exp": now - 31, "iat": now - 100},
		"exp text":             {"exp": "2099-01-01"},
		"exp huge":             {"exp": json.Number("1e300")},
		"exp before anything":  {"exp": json.Number("-1e300")},
		"exp an hour too late": {"exp": now + 7300},
		"no nbf":               {"nbf": remove},
		"nbf ahead":            {"nbf": now + 32},
		"no iat":               {"iat": remove},
		"iat ahead":            {"iat": now + 32},
		"no subject":           {"sub": remove},
		"subject no uuid":      {"sub": "admin"},
		"no session":           {"sid": remove},
		"no session id":        {"sid": uuid.Nil},
		"session no uuid":      {"sid": "1' or '1'='1"},
		"no role":              {"role": remove},
		"role a list":          {"role": []string{"admin"}},
		"no id":                {"jti": remove},
		"generation below 0":   {"gen": -1},
		"generation text":      {"gen": "9"},
		"upper-case exp":       {"exp": remove, "EXP": now + 60},
	} {
		attacks[name] = d.sign(header, with(t, payload, members))
	}
	for name, text := range map[string]string{
		"duplicate claim": strings.TrimSuffix(payload, "}") + `,"role":"admin"}`,
		"trailing data":   payload + "{}",
		"not UTF-8":       strings.Replace(payload, "learner", "l\xffarner", 1),
		"an array":        "[" + payload + "]",
		"null":            "null",
		"empty":           "",
	} {
		attacks[name] = d.sign(header, text)
	}
	mustRefuse(t, d, genuine, attacks)
}

func TestOtherSpellings(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	_, genuine := d.token(t)
	header, payload := parts(t, genuine)
	pieces := strings.Split(genuine, ".")
	unsigned := pieces[0] + "." + pieces[1] + "."
	signature, err := base64.RawURLEncoding.DecodeString(pieces[2])
	require.NoError(t, err)
	flipped := slices.Clone(signature)
	flipped[7] ^= 1
	big9k := d.sign(header, with(t, payload, map[string]any{"x": strings.Repeat("x", 9<<10)}))
	attacks := map[string]string{
		"empty": "", "dots": "..", "a mebibyte of dots": strings.Repeat(".", 1<<20),
		"two parts": pieces[0] + "." + pieces[1], "four parts": genuine + ".x",
		"five parts of a JWE": genuine + ".." + pieces[2], "longer than 8 KiB": big9k,
		"no signature": unsigned, "flipped bit": unsigned + encode(flipped),
		"half a signature":       unsigned + encode(signature[:32]),
		"signature and more":     unsigned + encode(append(slices.Clone(signature), 0)),
		"another S of one point": unsigned + encode(addOrder(signature)),
		"zero signature":         unsigned + encode(make([]byte, 64)),
		"padded":                 genuine + "==", "line feed": genuine + "\n", "line break within": unsigned + pieces[2][:40] + "\r\n" + pieces[2][40:],
		"space before": " " + genuine, "space after": genuine + " ", "tab within": unsigned + "\t" + pieces[2], "NUL": genuine + "\x00",
		"Bearer": "Bearer " + genuine, "standard alphabet": pieces[0] + "." + pieces[1] + "." + base64.StdEncoding.EncodeToString(signature),
		"a refresh token": "MZXW6YTBOI2TQNJVGQ3DIMZWGM", "upper case": strings.ToUpper(genuine),
	}
	for _, twin := range trailingBitTwins(genuine) {
		attacks["twin "+twin[len(twin)-1:]] = twin
	}
	mustRefuse(t, d, genuine, attacks)
}

// trailingBitTwins changes only those bits of the last character that a lax
// decoder drops: 64 bytes leave four of them.
func trailingBitTwins(token string) (twins []string) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	for i := last + 1; i < last|15+1; i++ {
		twins = append(twins, token[:len(token)-1]+alphabet[i:i+1])
	}
	return twins
}

// addOrder adds the order of the group to S, which satisfies the equation of
// RFC 8032 as well and must be refused for being too large.
func addOrder(signature []byte) []byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(signature[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(slices.Clone(signature[:32]), sum...)
}

func TestTheCacheForgetsNothingOfTheRules(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	c, token := d.token(t)
	require.False(t, d.verifier.Known(token), "nobody has looked at its signature")
	_, err := d.verifier.Verify(token)
	require.NoError(t, err)
	require.True(t, d.verifier.Known(token))
	require.False(t, d.verifier.Known(token+"x"))
	require.False(t, d.verifier.Known(strings.Repeat("x", maxTokenBytes+1)))

	d.now = c.Expires.Add(Leeway - time.Second)
	_, err = d.verifier.Verify(token)
	require.NoError(t, err, "within the leeway")
	d.now = c.Expires.Add(Leeway)
	_, err = d.verifier.Verify(token)
	require.ErrorIs(t, err, ErrToken, "a cached token expires")

	d.now = someTime
	d.verifier.revocations.sessions = map[uuid.UUID]time.Time{c.Session: someTime}
	_, err = d.verifier.Verify(token)
	require.ErrorIs(t, err, ErrRevoked, "a cached token can be revoked")
}

func TestLifetimesThatRevocationsWouldNotOutlast(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, lifetime := range []time.Duration{-time.Minute, 0, MaxLifetime + time.Second} {
		_, err := d.signer.Sign(Claims{User: uuid.New(), Session: uuid.New(), Role: "admin"}, lifetime)
		require.Error(t, err, lifetime)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newTokenCache(320)
	for i := range 10_000 {
		c.put(tag{byte(i), byte(i >> 8)}, Claims{})
	}
	kept := 0
	for i := range c {
		kept += len(c[i].tokens.young) + len(c[i].tokens.old)
	}
	require.LessOrEqual(t, kept, 320)
	require.Greater(t, kept, 160)
}

func BenchmarkVerifyHot(b *testing.B) {
	d := newDoor(b)
	_, token := d.token(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.verifier.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyCold(b *testing.B) {
	d := newDoor(b)
	_, token := d.token(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.verifier.parse(token); err != nil {
			b.Fatal(err)
		}
	}
}
