//go:build tools

// Package validation keeps the versions of the validation programs for the OCI runtime
// specification, which validation.sh builds, in a module of their own: nothing of them is to come
// into the library's.
package validation

import (
	_ "github.com/opencontainers/runtime-tools/cmd/runtimetest"
	_ "github.com/opencontainers/runtime-tools/validation/util"
)
