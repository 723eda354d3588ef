// Package check holds the tests of what is deployed: that every Kubernetes manifest is
// one that a cluster takes, the compose file one that Docker takes, and that the
// commands and variables which the containers would run do run, as processes. It is a
// module of its own, so that sical itself does not depend on Kubernetes.
package check
