package auth

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestForgedHeaders puts our own signature under every header: only the exact
// header of a known key may pass.
func TestForgedHeaders(t *testing.T) {
	t.Parallel()
	var visits atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer web.Close()
	d := newDoor(t)
	_, genuine := d.token(t)
	header, payload := parts(t, genuine)
	attacks := map[string]string{}
	for name, members := range map[string]map[string]any{
		"none": {"alg": "none"}, "None": {"alg": "None"}, "nOnE": {"alg": "nOnE"}, "empty alg": {"alg": ""},
		"no alg": {"alg": remove}, "alg null": {"alg": nil}, "alg a list": {"alg": []string{"EdDSA"}},
		"eddsa": {"alg": "eddsa"}, "Ed25519": {"alg": "Ed25519"}, "RS256": {"alg": "RS256"}, "ES256": {"alg": "ES256"},
		"no typ": {"typ": remove}, "typ JWT": {"typ": "JWT"}, "typ AT+JWT": {"typ": "AT+JWT"}, "typ of a refresh": {"typ": "rt+jwt"},
		"no kid": {"kid": remove}, "unknown kid": {"kid": strings.Repeat("A", 43)}, "kid a path": {"kid": "../../../../dev/null"},
		"kid SQL": {"kid": "x' union select '"}, "kid a URL": {"kid": web.URL}, "kid a number": {"kid": 1},
		"jku": {"jku": web.URL}, "x5u": {"x5u": web.URL}, "x5c": {"x5c": []string{"MIIB"}},
		"crit unknown": {"crit": []string{"sical"}, "sical": true}, "crit known": {"crit": []string{"exp"}}, "crit empty": {"crit": []string{}},
		"b64": {"b64": false, "crit": []string{"b64"}}, "zip": {"zip": "DEF"}, "cty": {"cty": "JWT"}, "enc": {"enc": "A128GCM"},
		"jwk": {"jwk": map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(d.public())}},
	} {
		attacks[name] = d.sign(with(t, header, members), payload)
	}
	for name, text := range map[string]string{
		"repeated alg":  strings.TrimSuffix(header, "}") + `,"alg":"none"}`,
		"repeated kid":  `{"kid":"x",` + header[1:],
		"upper case":    strings.Replace(header, `"alg"`, `"ALG"`, 1),
		"white space":   header + " ",
		"another order": `{"typ":"at+jwt","alg":"EdDSA","kid":"` + keyID(d.public()) + `"}`,
		"trailing data": header + "{}",
		"an array":      "[" + header + "]",
		"null":          "null",
		"empty":         "",
	} {
		attacks[name] = d.sign(text, payload)
	}
	mustRefuse(t, d, genuine, attacks)
	require.Zero(t, visits.Load(), "no address in a token is ever visited")
}

// TestForgedSignatures has the right header or an honest one of another
// algorithm, and a key that the attacker knows.
func TestForgedSignatures(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	_, genuine := d.token(t)
	header, payload := parts(t, genuine)
	der, err := x509.MarshalPKIXPublicKey(d.public())
	require.NoError(t, err)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)

	attacks := map[string]string{}
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	attacks["a stranger's key"] = text + "." + encode(ed25519.Sign(stranger, []byte(text)))
	attacks["signature of another text"] = text + "." + encode(ed25519.Sign(d.keys.signing, []byte(text+" ")))
	for name, secret := range map[string][]byte{
		"raw": d.public(), "DER": der, "empty": nil, "kid": []byte(keyID(d.public())),
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"JWK": []byte(`{"crv":"Ed25519","kty":"OKP","x":"` + encode(d.public()) + `"}`),
	} {
		for _, alg := range []string{"HS256", "HS512", "EdDSA"} {
			text := encode([]byte(with(t, header, map[string]any{"alg": alg}))) + "." + encode([]byte(payload))
			mac := hmac.New(sha256.New, secret)
			if alg != "HS256" {
				mac = hmac.New(sha512.New, secret)
			}
			mac.Write([]byte(text))
			attacks[alg+" with the public key, "+name] = text + "." + encode(mac.Sum(nil))
		}
	}
	mustRefuse(t, d, genuine, attacks)
}
