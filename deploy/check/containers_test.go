package check

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// container is what one container of sical would run.
type container struct {
	args []string
	env  map[string]string
	tag  string // that the program is built with
}

// passwords are what .env and the secrets would hold.
var passwords = map[string]string{
	"POSTGRES_PASSWORD": "of-the-owner", "GRAFANA_PASSWORD": "of-grafana",
	"COMMAND_PASSWORD": "of-command", "QUERY_PASSWORD": "of-query", "PROJECTOR_PASSWORD": "of-projector",
	"NATS_COMMAND_PASSWORD": "nats-command", "NATS_QUERY_PASSWORD": "nats-query",
	"NATS_PROJECTOR_PASSWORD": "nats-projector", "NATS_CONSUMER_PASSWORD": "nats-consumer",
}

// compose loads the compose file as Docker does, its schema checked.
func compose(t *testing.T) *types.Project {
	t.Helper()
	var env []string
	for name, value := range passwords {
		env = append(env, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{"../../docker-compose.yml"}, cli.WithEnv(env), cli.WithName("sical"))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

// composed are the containers of the compose file that run sical.
func composed(t *testing.T) map[string]container {
	t.Helper()
	list := map[string]container{}
	for name, service := range compose(t).Services {
		if service.Image != "sical" {
			continue
		}
		c := container{args: service.Command, env: map[string]string{}}
		for key, value := range service.Environment {
			c.env[key] = *value
		}
		list[name] = c
	}
	return list
}

// orchestrated are the containers of a Kubernetes overlay that run sical, with the
// values that the secrets of README.md would have.
func orchestrated(t *testing.T, overlay string) map[string]container {
	t.Helper()
	secret := func(name, key string) string {
		role := strings.TrimPrefix(name, "sical-")
		upper := strings.ToUpper(role)
		switch {
		case key == "nats-url":
			return "nats://sical_" + role + ":" + passwords["NATS_"+upper+"_PASSWORD"] + "@nats:4222"
		case role == "migrate":
			return "postgres://sical:" + passwords["POSTGRES_PASSWORD"] + "@postgres:5432/sical"
		}
		return "postgres://sical_" + role + ":" + passwords[upper+"_PASSWORD"] + "@postgres:5432/sical"
	}
	list := map[string]container{}
	common := map[string]string{}
	for _, object := range objects(t, overlay) {
		if m, ok := object.(*corev1.ConfigMap); ok && strings.HasPrefix(m.Name, "sical-") {
			maps.Copy(common, m.Data)
		}
	}
	for _, object := range objects(t, overlay) {
		_, spec := pod(object)
		if spec == nil || !strings.HasPrefix(spec.Containers[0].Image, "sical:") {
			continue
		}
		c := container{args: spec.Containers[0].Args, env: map[string]string{}}
		if _, ok := object.(*appsv1.Deployment); ok {
			maps.Copy(c.env, common)
		}
		for _, e := range spec.Containers[0].Env {
			c.env[e.Name] = e.Value
			if e.ValueFrom != nil {
				c.env[e.Name] = secret(e.ValueFrom.SecretKeyRef.Name, e.ValueFrom.SecretKeyRef.Key)
			}
		}
		list[c.args[0]] = c
	}
	return list
}

func TestComposeFile(t *testing.T) {
	t.Parallel()
	project := compose(t)
	for name, service := range project.Services {
		for _, port := range service.Ports {
			assert.Equal(t, "127.0.0.1", port.HostIP, "%s publishes to everyone", name)
		}
		if service.Image != "sical" {
			assert.Contains(t, service.Image, ":", "%s: which release?", name)
			continue
		}
		copied := slices.ContainsFunc(service.Secrets, func(s types.ServiceSecretConfig) bool { return project.Secrets[s.Source].Environment != "" })
		assert.Equal(t, !copied, service.ReadOnly, "%s: Compose copies secrets of variables into the container", name)
		assert.Equal(t, []string{"all"}, service.CapDrop, name)
	}
	assert.Equal(t, []string{"command", "grafana", "migrate", "nats", "postgres", "projector", "prometheus", "query"},
		slices.Sorted(maps.Keys(project.Services)))
}

// TestVariablesAreKnown: every variable that a container is given is one of sical's.
func TestVariablesAreKnown(t *testing.T) {
	t.Parallel()
	help := run(t, binary(t), nil, "migrate", "--help") + run(t, binary(t), nil, "serve", "--help")
	for _, list := range []map[string]container{composed(t), orchestrated(t, "base"), orchestrated(t, "three")} {
		for name, c := range list {
			for variable := range c.env {
				assert.True(t, strings.Contains(help, "$"+variable), "%s is given %s, which nothing reads", name, variable)
			}
		}
	}
}
