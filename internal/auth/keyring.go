package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// signingFile is the one key of a folder that signs; the others only verify.
const signingFile = "signing.pem"

// Keyring holds the Ed25519 keys of an installation: at most one that signs,
// any number that verify. It does not change after it was read, so to rotate:
// give the next public key to every process, then make it the signing one, and
// take the old one away a MaxLifetime later.
type Keyring struct {
	first    string             // the file of the key that signs, if that is private; "" for none
	signing  ed25519.PrivateKey // nil where tokens are only verified
	header   string             // of the tokens it signs
	byHeader map[string]ed25519.PublicKey
}

// OpenKeyring is ReadFolder for who signs: signing.pem is created, with the folder, if it
// is not there yet.
func OpenKeyring(dir string) (*Keyring, error) {
	if _, err := os.Stat(filepath.Join(dir, signingFile)); errors.Is(err, fs.ErrNotExist) {
		if err := createKey(dir); err != nil {
			return nil, err
		}
	}
	return ReadFolder(dir)
}

// ReadFolder reads every *.pem of a folder, of which signing.pem alone signs. It fails
// with fs.ErrNotExist where there is none.
func ReadFolder(dir string) (*Keyring, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	signing, others := "", []string{}
	for _, entry := range entries {
		name := filepath.Join(dir, entry.Name())
		if entry.Name() == signingFile {
			signing = name
		} else if filepath.Ext(name) == ".pem" {
			others = append(others, name)
		}
	}
	if signing == "" && len(others) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	}
	return readKeys(signing, others)
}

// ReadKeyring reads keys from PEM files, PKCS #8 private or PKIX public ones.
// The first file signs if it holds a private key, all of them verify.
func ReadKeyring(files ...string) (*Keyring, error) {
	if len(files) == 0 {
		return nil, errors.New("no keys given")
	}
	return readKeys(files[0], files[1:])
}

// readKeys reads the file of the key that signs, "" for none, and those of others.
func readKeys(signing string, others []string) (*Keyring, error) {
	k := &Keyring{first: signing, byHeader: map[string]ed25519.PublicKey{}}
	if signing != "" {
		private, err := k.read(signing)
		if err != nil {
			return nil, err
		}
		if private != nil {
			k.signing, k.header = private, tokenHeader(private.Public().(ed25519.PublicKey))
		}
	}
	for _, file := range others {
		if _, err := k.read(file); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// cannotSign says why there is no key that signs.
func (k *Keyring) cannotSign() error {
	if k.first == "" {
		return fmt.Errorf("tokens cannot be signed: there is no %s among the keys", signingFile)
	}
	return fmt.Errorf("tokens cannot be signed: the first of the signing keys, %s, is no private key", k.first)
}

// read has a file's key verify, and returns the private one, nil for none.
func (k *Keyring) read(file string) (ed25519.PrivateKey, error) {
	public, private, err := readKey(file)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", file, err)
	}
	k.byHeader[tokenHeader(public)] = public
	return private, nil
}

func readKey(file string) (ed25519.PublicKey, ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil, errors.New("not PEM")
	}
	var key any
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if err != nil {
		return nil, nil, err
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key.Public().(ed25519.PublicKey), key, nil
	case ed25519.PublicKey:
		return key, nil, nil
	}
	return nil, nil, fmt.Errorf("%s is not an Ed25519 key", block.Type)
}

// createKey writes a new signing key under another name and links it into
// place: of two processes that start at once one wins, and neither ever reads
// half a key.
func createKey(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(dir, ".signing-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	err = pem.Encode(draft, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	err = os.Link(draft.Name(), filepath.Join(dir, signingFile))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// keyID is the JWK thumbprint of RFC 7638 with the members RFC 8037 names.
func keyID(public ed25519.PublicKey) string {
	x := base64.RawURLEncoding.EncodeToString(public)
	digest := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// headerFields are the JOSE header of the tokens a key signs, type of RFC 9068.
func headerFields(public ed25519.PublicKey) map[string]any {
	return map[string]any{"alg": "EdDSA", "kid": keyID(public), "typ": "at+jwt"}
}

// tokenHeader is headerFields as they stand at the beginning of a token.
func tokenHeader(public ed25519.PublicKey) string {
	text, err := json.Marshal(headerFields(public))
	if err != nil {
		panic(err) // three strings
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
