package configs

// MemoryPolicy says from which NUMA nodes a process gets its memory, see
// set_mempolicy(2). It is what the OCI runtime specification calls
// linux.memoryPolicy.
type MemoryPolicy struct {
	// Mode is MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL,
	// MPOL_PREFERRED_MANY (Linux 5.15) or MPOL_WEIGHTED_INTERLEAVE (Linux 6.9). It
	// must be given.
	Mode string `json:"mode"`

	// Nodes are the nodes that the mode is about, as numbers and ranges such as
	// "0-3,7". They must be among those of the container's cpuset. MPOL_DEFAULT and
	// MPOL_LOCAL have none; MPOL_PREFERRED without any is MPOL_LOCAL.
	Nodes string `json:"nodes,omitempty"`

	// Flags are MPOL_F_NUMA_BALANCING (Linux 5.12), and one of MPOL_F_STATIC_NODES
	// and MPOL_F_RELATIVE_NODES.
	Flags []string `json:"flags,omitempty"`
}

// maxNode is the largest number of a NUMA node that any kernel is built for: NODES_SHIFT
// is 10 at most (arch/x86/Kconfig, arch/arm64/Kconfig).
const maxNode = 1023

// ParseNodes gives the numbers of a list of NUMA nodes, such as "0-3,7", in ascending
// order and each once. An empty list has none.
func ParseNodes(list string) ([]int, error) {
	return parseNumbers(list, "NUMA node", maxNode)
}
