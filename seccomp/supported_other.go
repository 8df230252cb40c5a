//go:build !linux

package seccomp

// SupportedFlags returns those of Flags that the kernel at hand knows: none on other
// systems than Linux.
func SupportedFlags() []string { return nil }
