package configs

// Personality is the execution domain of a process, see personality(2): what the
// kernel does differently for programs of other systems. It is what the OCI runtime
// specification calls linux.personality.
type Personality struct {
	// Domain is LINUX, the kernel's own, or LINUX32, for which the machine's name in
	// uname(2) is that of its 32-bit kind. It must be given. On arm64 LINUX32 takes a
	// machine that runs 32-bit programs.
	Domain string `json:"domain"`

	// Flags are names of personality(2), such as ADDR_NO_RANDOMIZE.
	Flags []string `json:"flags,omitempty"`
}
