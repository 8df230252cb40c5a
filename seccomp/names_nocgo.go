//go:build !linux || !cgo

package seccomp

import (
	"errors"
	"fmt"
)

func syscallNumber(string, string) (int32, bool, error) {
	return 0, false, fmt.Errorf("seccomp needs libseccomp and so cgo, without which the program was built: %w", errors.ErrUnsupported)
}
