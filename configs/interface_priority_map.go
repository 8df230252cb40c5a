package configs

import "fmt"

// IfPrioMap is the priority of the container's traffic on an interface.
type IfPrioMap struct {
	// Interface is the name of the host's interface.
	Interface string `json:"interface"`

	// Priority is the priority, see SO_PRIORITY in socket(7).
	Priority int64 `json:"priority"`
}

// CgroupString returns what is written to net_prio.ifpriomap, such as "eth0 5".
func (i *IfPrioMap) CgroupString() string {
	return fmt.Sprintf("%s %d", i.Interface, i.Priority)
}
