package webhook

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// snippet is the page's code of a language.
func snippet(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../../deploy/webhooks.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```"+language+"\n")
	require.True(t, found)
	code, _, _ := strings.Cut(rest, "```")
	return code
}

// TestThePageVerifies runs what deploy/webhooks.md tells receivers to: it takes what
// is sent here, and nothing that was changed.
func TestThePageVerifies(t *testing.T) {
	t.Parallel()
	text, now := `{"title":"图论"}`, time.Now()
	key := []byte("a key of twenty-four bytes")
	headers := map[string]string{
		"webhook-id": "an-id", "webhook-timestamp": strconv.FormatInt(now.Unix(), 10),
		"webhook-signature": signature([][]byte{[]byte("another key"), key}, "an-id", now, []byte(text)),
	}
	plain, err := json.Marshal(headers)
	require.NoError(t, err)
	arguments := []string{secret, string(plain), text}

	for language, c := range map[string]struct {
		file, before, after string
		run                 []string
	}{
		"go": {"main.go", `package main
import ("crypto/hmac"; "crypto/sha256"; "encoding/base64"; "encoding/json"; "fmt"; "net/http"; "os"; "slices"; "strconv"; "strings"; "time")
`, `
func main() {
	var plain map[string]string
	if err := json.Unmarshal([]byte(os.Args[2]), &plain); err != nil { panic(err) }
	h := http.Header{}
	for name, value := range plain { h.Set(name, value) }
	fmt.Println(verify(os.Args[1], h, []byte(os.Args[3])), verify(os.Args[1], h, []byte(os.Args[3]+" ")), verify(os.Args[1], http.Header{}, nil))
}`, []string{"go", "run"}},
		"ts": {"main.mjs", "", `
const [secret, plain, text] = process.argv.slice(2), h = JSON.parse(plain);
console.log(verify(secret, h, Buffer.from(text)), verify(secret, h, Buffer.from(text + " ")), verify(secret, {}, Buffer.from("")));
`, []string{"node"}},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(c.run[0]); err != nil {
				t.Skip("no " + c.run[0] + " is installed")
			}
			code := snippet(t, language)
			if language == "ts" { // its types are for the reader
				code = strings.NewReplacer(`import type { IncomingHttpHeaders } from "node:http";`, "",
					": string, h: IncomingHttpHeaders, body: Buffer): boolean", ", h, body)").Replace(code)
			}
			file := filepath.Join(t.TempDir(), c.file)
			require.NoError(t, os.WriteFile(file, []byte(c.before+code+c.after), 0o600))
			cmd := exec.CommandContext(t.Context(), c.run[0], append(append(c.run[1:], file), arguments...)...)
			cmd.Env = append(os.Environ(), "FORCE_COLOR=0") // node would paint what it prints
			var said strings.Builder
			cmd.Stderr = &said
			out, err := cmd.Output()
			require.NoError(t, err, "%s", &said)
			require.Equal(t, "true false false\n", string(out))
		})
	}
}
