//go:build tools

// Package critest keeps the version of the tests for Kubernetes' container runtime interface, which
// critest.sh builds, in a module of their own: nothing of them is to come into the library's.
package critest

import _ "sigs.k8s.io/cri-tools/pkg/validate"
