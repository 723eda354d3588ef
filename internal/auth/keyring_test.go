package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestKeyIDIsTheThumbprintOfRFC8037(t *testing.T) {
	t.Parallel()
	public, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") // appendix A.2
	require.NoError(t, err)
	require.Equal(t, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", keyID(public)) // appendix A.3
}

func TestManyProcessesCreateOneKey(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	headers := make([]string, 20)
	var starts sync.WaitGroup
	for i := range headers {
		starts.Go(func() {
			if keys, err := OpenKeyring(dir); err == nil {
				headers[i] = keys.header
			}
		})
	}
	starts.Wait()
	for _, header := range headers {
		require.Equal(t, headers[0], header)
		require.NotEmpty(t, header)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "no draft is left behind")
	info, err := os.Stat(filepath.Join(dir, "signing.pem"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := OpenKeyring(dir)
	require.NoError(t, err)
	sign := func(k *Keyring) string {
		signer, err := NewSigner(k, "iss", "aud", time.Now)
		require.NoError(t, err)
		token, err := signer.Sign(Claims{User: uuid.New(), Session: uuid.New(), Role: "learner"}, time.Minute)
		require.NoError(t, err)
		return token
	}
	believes := func(k *Keyring, token string) bool {
		_, err := NewVerifier(k, "iss", "aud", &Revocations{}, time.Now).Verify(token)
		return err == nil
	}
	old := sign(first)

	require.NoError(t, os.Rename(filepath.Join(dir, "signing.pem"), filepath.Join(dir, "old.pem")))
	both, err := OpenKeyring(dir)
	require.NoError(t, err)
	require.True(t, believes(both, old), "the old key still verifies")
	require.False(t, believes(first, sign(both)), "the new key signs")

	require.NoError(t, os.Remove(filepath.Join(dir, "old.pem")))
	second, err := OpenKeyring(dir)
	require.NoError(t, err)
	require.False(t, believes(second, old), "a key taken away verifies no more")
	require.True(t, believes(second, sign(both)))
}

// Who only reads a folder makes no key, and signs with none but signing.pem.
func TestReadingAFolderMakesNoKey(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	_, err := ReadFolder(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoDirExists(t, dir)
	require.NoError(t, os.Mkdir(dir, 0o700))
	_, err = ReadFolder(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)

	made, err := OpenKeyring(dir)
	require.NoError(t, err)
	read, err := ReadFolder(dir)
	require.NoError(t, err)
	require.Equal(t, made, read)
	require.NoError(t, os.Rename(filepath.Join(dir, "signing.pem"), filepath.Join(dir, "old.pem")))
	read, err = ReadFolder(dir)
	require.NoError(t, err)
	require.Equal(t, made.byHeader, read.byHeader)
	require.Nil(t, read.signing)
}

func TestAPublicKeyOnlyVerifies(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	file, dir := writePEM(t, "PUBLIC KEY", der), t.TempDir()
	_, err = OpenKeyring(dir)
	require.NoError(t, err)
	private := filepath.Join(dir, signingFile)

	keys, err := ReadKeyring(file, private)
	require.NoError(t, err)
	require.Contains(t, keys.byHeader, tokenHeader(public))
	_, err = NewSigner(keys, "iss", "aud", time.Now)
	require.ErrorContains(t, err, "the first of the signing keys, "+file+", is no private key")

	keys, err = ReadKeyring(private, file)
	require.NoError(t, err)
	_, err = NewSigner(keys, "iss", "aud", time.Now)
	require.NoError(t, err)

	require.NoError(t, os.Rename(private, filepath.Join(dir, "old.pem")))
	keys, err = ReadFolder(dir)
	require.NoError(t, err)
	_, err = NewSigner(keys, "iss", "aud", time.Now)
	require.ErrorContains(t, err, "no signing.pem")
}

func TestUnusableKeys(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(other)
	require.NoError(t, err)
	text := filepath.Join(t.TempDir(), "text.pem")
	require.NoError(t, os.WriteFile(text, []byte("no key"), 0o600))
	for name, files := range map[string][]string{
		"none given":    {},
		"no such file":  {filepath.Join(t.TempDir(), "absent.pem")},
		"not PEM":       {text},
		"another curve": {writePEM(t, "PRIVATE KEY", der)},
		"another type":  {writePEM(t, "CERTIFICATE", der)},
		"broken":        {writePEM(t, "PRIVATE KEY", der[:20])},
	} {
		_, err := ReadKeyring(files...)
		require.Error(t, err, name)
	}
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return file
}
