package archtest

import (
	"go/ast"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestMetricsAreNamedInOnePlace: whoever looks for a metric, or names one, finds all
// of them there.
func TestMetricsAreNamedInOnePlace(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		if s.test || s.folder == "internal/telemetry" {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := call.X.(*ast.Ident)
			if ok && from.Name == "prometheus" {
				assert.False(t, strings.HasPrefix(call.Sel.Name, "New"), "%s makes a metric by prometheus.%s: it belongs in internal/telemetry.", s.name, call.Sel.Name)
			}
			return true
		})
	}
}
