package check

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// goal is where a pod wants to go: an address, or a namespace of the cluster.
type goal struct {
	address, namespace string
	port               int32
}

// TestWhereRolesMayGo: webhooks to any port and traces only where the components for
// them are, and neither to places inside.
func TestWhereRolesMayGo(t *testing.T) {
	t.Parallel()
	base, options := objects(t, "base"), objects(t, optional)
	for _, c := range []struct {
		role        string
		to          goal
		plain, open bool // by base, and with every option
	}{
		{"projector", goal{address: "203.0.113.7", port: 443}, true, true},
		{"projector", goal{address: "203.0.113.7", port: 8443}, false, true},
		{"projector", goal{address: "2001:db8::7", port: 8443}, false, true},
		{"projector", goal{address: "10.1.2.3", port: 8443}, false, false},
		{"projector", goal{address: "169.254.169.254", port: 80}, false, false},
		{"command", goal{address: "203.0.113.7", port: 8443}, false, false},
		{"command", goal{namespace: "monitoring", port: 4318}, false, true},
		{"query", goal{namespace: "monitoring", port: 4318}, false, true},
		{"projector", goal{namespace: "monitoring", port: 4318}, false, true},
		{"projector", goal{namespace: "monitoring", port: 9090}, false, false},
		{"query", goal{namespace: "elsewhere", port: 4318}, false, false},
		{"query", goal{namespace: "elsewhere", port: 5432}, true, true},
	} {
		assert.Equal(t, c.plain, mayGo(t, base, c.role, c.to), "base: %s to %+v", c.role, c.to)
		assert.Equal(t, c.open, mayGo(t, options, c.role, c.to), "options: %s to %+v", c.role, c.to)
	}
}

func mayGo(t *testing.T, list []runtime.Object, role string, to goal) bool {
	t.Helper()
	pod := map[string]string{"app.kubernetes.io/component": role}
	for _, object := range list {
		p, ok := object.(*networkingv1.NetworkPolicy)
		if !ok || !selects(t, &p.Spec.PodSelector, pod) {
			continue
		}
		for _, rule := range p.Spec.Egress {
			port := len(rule.Ports) == 0 || slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool {
				return p.Port.IntVal == to.port
			})
			peer := len(rule.To) == 0 || slices.ContainsFunc(rule.To, func(p networkingv1.NetworkPolicyPeer) bool { return to.at(t, p) })
			if port && peer {
				return true
			}
		}
	}
	return false
}

func (g goal) at(t *testing.T, p networkingv1.NetworkPolicyPeer) bool {
	t.Helper()
	if p.IPBlock == nil {
		return p.NamespaceSelector != nil && selects(t, p.NamespaceSelector, map[string]string{"kubernetes.io/metadata.name": g.namespace})
	}
	address, err := netip.ParseAddr(g.address)
	return err == nil && netip.MustParsePrefix(p.IPBlock.CIDR).Contains(address) &&
		!slices.ContainsFunc(p.IPBlock.Except, func(part string) bool { return netip.MustParsePrefix(part).Contains(address) })
}

func selects(t *testing.T, selector *metav1.LabelSelector, of map[string]string) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	require.NoError(t, err)
	return s.Matches(labels.Set(of))
}
