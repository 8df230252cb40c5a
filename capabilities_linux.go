// Names of capabilities to the masks that a process gets.

package libcontainer

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// capabilityMasks are capability sets as bit masks, see capabilities(7).
type capabilityMasks struct {
	Bounding, Effective, Inheritable, Permitted, Ambient uint64
}

// knownCapabilities gives the numbers of the capabilities by their names.
var knownCapabilities = sync.OnceValue(func() map[string]uint64 {
	known := make(map[string]uint64)
	for _, c := range linux.Capabilities() {
		known[c.Text] = c.Value
	}
	return known
})

// capabilityMasksOf resolves the sets of a process. A flat list, that of the
// process or else of the container, fills the bounding, effective and permitted
// sets: capabilities that would be inherited by unprivileged programs, or that
// survive the change to another user, are given only in so many words.
func capabilityMasksOf(config *configs.Config, p *Process) (capabilityMasks, error) {
	known := knownCapabilities()
	var err error
	mask := func(names []string) (m uint64) {
		for _, name := range names {
			c, ok := known[name]
			if !ok && err == nil {
				err = fmt.Errorf("unknown capability %q", name)
			}
			m |= 1 << c
		}
		return m
	}
	sets := p.CapabilitySets
	if sets == nil && p.Capabilities == nil {
		sets = config.CapabilitySets
	}
	if sets != nil {
		return capabilityMasks{
			Bounding:    mask(sets.Bounding),
			Effective:   mask(sets.Effective),
			Inheritable: mask(sets.Inheritable),
			Permitted:   mask(sets.Permitted),
			Ambient:     mask(sets.Ambient),
		}, err
	}
	names := config.Capabilities
	if p.Capabilities != nil {
		names = p.Capabilities
	}
	flat := mask(names)
	return capabilityMasks{Bounding: flat, Effective: flat, Permitted: flat}, err
}

// checkOwnCapabilities names the capabilities that this program would have to give and does
// not have. In a user namespace of the container's own its processes have all.
func checkOwnCapabilities(config *configs.Config, m capabilityMasks) error {
	if config.Namespaces.Contains(configs.NEWUSER) {
		return nil
	}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var own [2]unix.CapUserData
	if err := unix.Capget(&hdr, &own[0]); err != nil {
		return fmt.Errorf("look at this program's capabilities: %w", err)
	}
	missing := m.Permitted &^ (uint64(own[1].Permitted)<<32 | uint64(own[0].Permitted))
	if missing == 0 {
		return nil
	}
	return fmt.Errorf("this program does not have the capabilities %s, and cannot give them: take them off the container's, "+
		"or add a user namespace: %w", describeCapabilities(missing), unix.EPERM)
}

// describeCapabilities names the capabilities of a mask.
func describeCapabilities(mask uint64) string {
	var names []string
	for name, c := range knownCapabilities() {
		if mask&(1<<c) != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
