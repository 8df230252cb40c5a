package seccomp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// AUDIT_ARCH_*, <linux/audit.h>: what struct seccomp_data calls an architecture.
const (
	auditX8664   = 0xc000003e
	auditI386    = 0x40000003
	auditAarch64 = 0xc00000b7
	auditARM     = 0x40000028
)

// x32Bit marks the calls of x32, <asm/unistd.h>.
const x32Bit = 0x40000000

// abi is a numbering of system calls.
type abi struct {
	name   string // as in libseccomp, whose names profiles use
	audit  uint32
	column int // of the table of numbers

	// first and last are the range of its numbers.
	first, last uint32

	// oddFirst and oddLast are numbers that do not grow with time, see the
	// package's documentation. Equal ones are none.
	oddFirst, oddLast uint32

	// muxed tells that some calls are functions of socketcall and ipc too.
	muxed bool
}

// machine lists what a machine can run, by GOARCH, its own architecture first. No
// other architecture's calls can come there.
func machine(goarch string) []abi {
	switch goarch {
	case "amd64":
		return []abi{
			// The number -1 is no call of x32: a tracer skips a call by it.
			{name: "x86_64", audit: auditX8664, column: colX8664, last: x32Bit - 1},
			{name: "x86", audit: auditI386, column: colX86, last: ^uint32(0), muxed: true},
			{
				name: "x32", audit: auditX8664, column: colX32, first: x32Bit, last: ^uint32(0) - 1,
				oddFirst: x32Bit | 512, oddLast: x32Bit | 547,
			},
		}
	case "arm64":
		return []abi{
			{name: "aarch64", audit: auditAarch64, column: colAarch64, last: ^uint32(0)},
			{name: "arm", audit: auditARM, column: colARM, last: ^uint32(0), oddFirst: 0xf0000, oddLast: ^uint32(0)},
		}
	}
	return nil
}

// known tells whether an architecture of that canonical name exists: those of other
// machines are accepted too, since profiles are written for many.
func known(name string) bool { return slices.Contains(architectures(), name) }

// architectures gives their canonical names, libseccomp's.
func architectures() []string {
	return []string{
		"aarch64", "arm", "loongarch64", "m68k", "mips", "mips64", "mips64n32", "mipsel", "mipsel64", "mipsel64n32",
		"parisc", "parisc64", "ppc", "ppc64", "ppc64le", "riscv64", "s390", "s390x", "sh", "sheb", "x32", "x86", "x86_64",
	}
}

// canonical gives the name, libseccomp's, of an architecture that may be spelt as in
// the OCI runtime specification.
func canonical(name string) string {
	name = strings.ToLower(strings.TrimPrefix(name, "SCMP_ARCH_"))
	switch name {
	case "amd64", "x86-64", "x64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "loong64":
		return "loongarch64"
	}
	return name
}

// abis selects those of a machine that a profile lists; its own is always there.
func abis(goarch string, names []string) ([]abi, error) {
	all := machine(goarch)
	if all == nil {
		return nil, fmt.Errorf("seccomp is not supported on %s: %w", goarch, errors.ErrUnsupported)
	}
	wanted := make([]bool, len(all))
	wanted[0] = true
	for i, name := range names {
		c := canonical(name)
		if j := slices.IndexFunc(all, func(a abi) bool { return a.name == c }); j >= 0 {
			wanted[j] = true
		} else if !known(c) {
			return nil, fmt.Errorf("Seccomp.Architectures[%d]: unknown architecture %q", i, name)
		}
	}
	var out []abi
	for i, a := range all {
		if wanted[i] {
			out = append(out, a)
		}
	}
	return out, nil
}
