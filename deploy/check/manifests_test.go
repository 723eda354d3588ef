package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	yaml "sigs.k8s.io/yaml/goyaml.v3"
)

// optional has everything that an overlay may choose, on base.
const optional = "../check/testdata/options"

var overlays = []string{"base", "three", optional}

// objects builds an overlay and decodes every document of it strictly into the type
// that the API server would.
func objects(t *testing.T, overlay string) []runtime.Object {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "../kubernetes/"+overlay)
	require.NoError(t, err)
	text, err := built.AsYaml()
	require.NoError(t, err)

	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, policyv1.AddToScheme,
		autoscalingv2.AddToScheme, networkingv1.AddToScheme, gatewayv1.Install,
	} {
		require.NoError(t, add(scheme))
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var list []runtime.Object
	documents := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var document any
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			return list
		} else {
			require.NoError(t, err)
		}
		one, err := yaml.Marshal(document)
		require.NoError(t, err)
		object, _, err := decoder.Decode(one, nil, nil)
		require.NoError(t, err, "%s", one)
		list = append(list, object)
	}
}

// pod is the pod that an object makes, if any.
func pod(object runtime.Object) (*metav1.ObjectMeta, *corev1.PodSpec) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec
	case *appsv1.StatefulSet:
		return &o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec
	case *batchv1.Job:
		return &o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec
	}
	return nil, nil
}

func name(object runtime.Object) string {
	return object.GetObjectKind().GroupVersionKind().Kind + " " + object.(metav1.Object).GetName()
}

func TestPodsAreRestricted(t *testing.T) {
	t.Parallel()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	for _, overlay := range overlays {
		pods := 0
		for _, object := range objects(t, overlay) {
			meta, spec := pod(object)
			if spec == nil {
				continue
			}
			pods++
			level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
			for _, r := range evaluator.EvaluatePod(level, meta, spec) {
				assert.True(t, r.Allowed, "%s, %s: %s: %s", overlay, name(object), r.ForbiddenReason, r.ForbiddenDetail)
			}
			assert.Equal(t, false, *spec.AutomountServiceAccountToken, name(object))
			for _, c := range spec.Containers {
				assert.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, name(object))
				assert.NotZero(t, c.Resources.Limits.Memory().Value(), name(object))
				tag := c.Image[strings.LastIndex(c.Image, ":")+1:]
				assert.True(t, strings.HasPrefix(c.Image, "sical:") || tag != "latest" && tag != "", "%s: %s", name(object), c.Image)
			}
		}
		assert.GreaterOrEqual(t, pods, 4, overlay)
	}
}

// TestRolesHaveTheFigures: replicas are left to an autoscaler, 256Mi and 250m asked for, 512Mi and 500m at
// most, alive by /health, ready by /ready.
func TestRolesHaveTheFigures(t *testing.T) {
	t.Parallel()
	for _, overlay := range overlays {
		roles := map[string]bool{}
		for _, object := range objects(t, overlay) {
			d, ok := object.(*appsv1.Deployment)
			if !ok {
				continue
			}
			roles[d.Name] = true
			c := d.Spec.Template.Spec.Containers[0]
			assert.Equal(t, []string{d.Name}, c.Args)
			assert.Nil(t, d.Spec.Replicas, "%s: the autoscaler's own, or every apply would set a scaled role back", d.Name)
			figures := fmt.Sprint(c.Resources.Requests.Memory(), c.Resources.Requests.Cpu(), c.Resources.Limits.Memory(), c.Resources.Limits.Cpu())
			assert.Equal(t, "256Mi 250m 512Mi 500m", figures, d.Name)
			assert.Equal(t, "/health", c.LivenessProbe.HTTPGet.Path)
			assert.Equal(t, "/ready", c.ReadinessProbe.HTTPGet.Path)
			assert.Greater(t, *d.Spec.Template.Spec.TerminationGracePeriodSeconds, int64(25), "what drains must have its time")
		}
		assert.Equal(t, map[string]bool{"command": true, "query": true, "projector": true}, roles, overlay)
	}
}

// TestPostgresCAIsMounted: where the README's URL says, in every pod that connects.
func TestPostgresCAIsMounted(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../kubernetes/README.md")
	require.NoError(t, err)
	pods := 0
	for _, object := range objects(t, optional) {
		_, spec := pod(object)
		if spec == nil {
			continue
		}
		pods++
		mounts := spec.Containers[0].VolumeMounts
		at := slices.IndexFunc(mounts, func(m corev1.VolumeMount) bool { return m.Name == "postgres-ca" })
		require.NotEqual(t, -1, at, name(object))
		assert.Contains(t, string(readme), "sslrootcert="+mounts[at].MountPath+"/ca.crt")
	}
	assert.Equal(t, 4, pods)
}

// TestSelectorsFind: whatever selects pods (services, budgets, autoscalers, policies)
// selects some, and every pod is under a policy.
func TestSelectorsFind(t *testing.T) {
	t.Parallel()
	for _, overlay := range overlays {
		list := objects(t, overlay)
		matches := func(what string, selector *metav1.LabelSelector) {
			s, err := metav1.LabelSelectorAsSelector(selector)
			require.NoError(t, err)
			found := false
			for _, object := range list {
				if meta, _ := pod(object); meta != nil {
					found = found || s.Matches(labels.Set(meta.Labels))
				}
			}
			assert.True(t, found, "%s: %s selects nothing", overlay, what)
		}
		deployments := map[string]bool{}
		for _, object := range list {
			if d, ok := object.(*appsv1.Deployment); ok {
				deployments[d.Name] = true
			}
		}
		for _, object := range list {
			switch o := object.(type) {
			case *corev1.Service:
				matches(name(o), &metav1.LabelSelector{MatchLabels: o.Spec.Selector})
			case *policyv1.PodDisruptionBudget:
				matches(name(o), o.Spec.Selector)
			case *networkingv1.NetworkPolicy:
				matches(name(o), &o.Spec.PodSelector)
			case *autoscalingv2.HorizontalPodAutoscaler:
				assert.True(t, deployments[o.Spec.ScaleTargetRef.Name], name(o))
				assert.EqualValues(t, 3, *o.Spec.MinReplicas, name(o))
				delete(deployments, o.Spec.ScaleTargetRef.Name)
			case *gatewayv1.HTTPRoute:
				routed(t, o)
			}
		}
		assert.Empty(t, deployments, "%s: nobody scales these", overlay)
	}
}

// routed: reads go to the query role, the rest to the command role, and a stream may last.
func routed(t *testing.T, route *gatewayv1.HTTPRoute) {
	t.Helper()
	require.Len(t, route.Spec.Rules, 3)
	stream, reads, rest := route.Spec.Rules[0], route.Spec.Rules[1], route.Spec.Rules[2]
	require.Len(t, stream.Matches, 1)
	assert.Equal(t, "/v1/stream GET", *stream.Matches[0].Path.Value+" "+string(*stream.Matches[0].Method))
	assert.EqualValues(t, "0s", *stream.Timeouts.Request, "as long as its token")
	assert.EqualValues(t, "query", stream.BackendRefs[0].Name)
	var methods []string
	for _, m := range reads.Matches {
		methods = append(methods, string(*m.Method))
	}
	assert.Equal(t, []string{"GET", "HEAD"}, methods)
	assert.EqualValues(t, "query", reads.BackendRefs[0].Name)
	assert.Empty(t, rest.Matches)
	assert.EqualValues(t, "command", rest.BackendRefs[0].Name)
}
