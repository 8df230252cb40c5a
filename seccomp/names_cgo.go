//go:build linux && cgo

package seccomp

import (
	"errors"
	"fmt"

	libseccomp "github.com/seccomp/libseccomp-golang"
)

// syscallNumber asks libseccomp. A number below 0 stands for a call that other
// architectures have.
func syscallNumber(name, arch string) (int32, bool, error) {
	token, err := libseccomp.GetArchFromString(arch)
	if err != nil {
		return 0, false, fmt.Errorf("libseccomp: %w", err)
	}
	nr, err := libseccomp.GetSyscallFromNameByArch(name, token)
	if errors.Is(err, libseccomp.ErrSyscallDoesNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("libseccomp: number of %s on %s: %w", name, arch, err)
	}
	return int32(nr), true, nil
}
