package configs

// IntelRdt gives a container its share of the processor's cache and memory bandwidth
// through the kernel's resctrl file system (document arch/x86/resctrl, since 6.16
// filesystems/resctrl), which must be mounted. It is what the OCI runtime specification
// calls linux.intelRdt.
type IntelRdt struct {
	// ClosID is the name of the class of service, a directory of resctrl. One that is
	// not there is made if there are Schemata, and stays when the container is
	// destroyed: others may be in it. "/" is the default class, in which all processes
	// are that are in no other. Empty makes a class with the container's id as its
	// name, which is removed with the container.
	ClosID string `json:"clos_id,omitempty"`

	// Schemata are lines of the file schemata, such as "L3:0=f;1=f0" and "MB:0=50".
	// If the class of ClosID is there already they must be what it has. Empty leaves
	// the class as it is.
	Schemata []string `json:"schemata,omitempty"`

	// EnableMonitoring makes a monitoring group of the container's own in the class,
	// whose counters are in the container's statistics.
	EnableMonitoring bool `json:"enable_monitoring,omitempty"`
}
