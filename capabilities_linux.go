// The host's side: names of capabilities to the masks that init sets.

package libcontainer

import (
	"fmt"
	"strings"

	"github.com/moby/sys/capability"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/initproc"
)

// capabilityMasks resolves the sets of a process. A flat list, that of the
// process or else of the container, fills the bounding, effective and permitted
// sets: capabilities that would be inherited by unprivileged programs, or that
// survive the change to another user, are given only in so many words.
func capabilityMasks(config *configs.Config, p *Process) (initproc.CapabilityMasks, error) {
	known := make(map[string]capability.Cap)
	for _, c := range capability.ListKnown() {
		known["CAP_"+strings.ToUpper(c.String())] = c
	}
	var err error
	mask := func(names []string) (m uint64) {
		for _, name := range names {
			c, ok := known[name]
			if !ok && err == nil {
				err = fmt.Errorf("unknown capability %q", name)
			}
			m |= 1 << uint(c)
		}
		return m
	}
	var m initproc.CapabilityMasks
	if sets := config.CapabilitySets; sets != nil && p.Capabilities == nil {
		m = initproc.CapabilityMasks{
			Bounding:    mask(sets.Bounding),
			Effective:   mask(sets.Effective),
			Inheritable: mask(sets.Inheritable),
			Permitted:   mask(sets.Permitted),
			Ambient:     mask(sets.Ambient),
		}
		return m, err
	}
	names := config.Capabilities
	if p.Capabilities != nil {
		names = p.Capabilities
	}
	flat := mask(names)
	return initproc.CapabilityMasks{Bounding: flat, Effective: flat, Permitted: flat}, err
}
