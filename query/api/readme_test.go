package api

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestREADMEAsksWhatThereIs: every route that the README asks something of, or names beside
// that, takes the parameter.
func TestREADMEAsksWhatThereIs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	takes := map[string]bool{}
	for _, r := range Routes() {
		for _, p := range r.Params {
			takes[r.Path+"?"+p.Name] = true
		}
	}
	asked := regexp.MustCompile(`\$API/v1/\S+\?(\w+)=.*`).FindAllStringSubmatch(string(text), -1)
	require.Len(t, asked, 4)
	for _, line := range asked {
		for _, path := range regexp.MustCompile(`/v1/[\w$/-]+`).FindAllString(line[0], -1) {
			question := strings.ReplaceAll(path, "$ID", "{id}") + "?" + line[1]
			require.True(t, takes[question], question)
		}
	}
}
