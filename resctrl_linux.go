// The host's side: a container's groups in the resctrl file system.

package libcontainer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/resctrl"
)

// ResctrlGroups are a container's groups in the kernel's resctrl file system, see
// configs.IntelRdt.
type ResctrlGroups struct {
	// Control is the directory of the class of service.
	Control string `json:"control"`

	// Monitor is the directory of the container's monitoring group, empty without one.
	Monitor string `json:"monitor,omitempty"`

	// Made tells that Control was made for the container, and is removed with it.
	Made bool `json:"made,omitempty"`
}

// IntelRdtStats are the statistics of a container's groups in resctrl.
type IntelRdtStats struct {
	// Schemata are the lines of the class of service, such as "L3:0=f;1=f0".
	Schemata []string

	// Counters are those of the container's monitoring group.
	Counters []ResctrlCounters
}

// ResctrlCounters are what the kernel has counted in one domain, since the container was
// started. What the machine does not count is nil.
type ResctrlCounters struct {
	// Domain is the name of the domain, such as "L3_00".
	Domain string

	// Occupancy is how many bytes of the cache the container occupies.
	Occupancy *uint64

	// TotalBytes and LocalBytes are how many bytes it has moved from and to memory,
	// and to that of the domain's own NUMA node.
	TotalBytes *uint64
	LocalBytes *uint64
}

func (v *view) resctrl() *resctrl.Groups { return (*resctrl.Groups)(v.groups) }

// planResctrl names the groups of a start, of which there may be some from an earlier one.
func (v *view) planResctrl() (*ResctrlGroups, error) {
	rdt := v.config.IntelRdt
	if rdt == nil {
		return nil, nil
	}
	root := v.c.factory.ResctrlRoot
	if root == "" {
		var err error
		if root, err = resctrl.Find(); err != nil {
			return nil, err
		}
	}
	groups, err := resctrl.Plan(root, v.c.id, rdt, v.resctrl())
	return (*ResctrlGroups)(groups), err
}

// makeResctrl makes the groups that were planned.
func (v *view) makeResctrl() error {
	if v.groups == nil {
		return nil
	}
	return resctrlError(v.resctrl().Make(v.config.IntelRdt.Schemata))
}

// enter moves a process into the groups, if there are any.
func (g *ResctrlGroups) enter(pid int) error {
	if g == nil {
		return nil
	}
	return (*resctrl.Groups)(g).Enter(pid)
}

// removeResctrl removes those that were made for the container.
func (v *view) removeResctrl() error {
	if v.groups == nil {
		return nil
	}
	return v.resctrl().Remove()
}

func resctrlError(err error) error {
	var config *resctrl.ConfigError
	if errors.As(err, &config) {
		return invalid(err)
	}
	return err
}

// checkIntelRdt refuses to change the groups of a container that was started.
func (v *view) checkIntelRdt(next *configs.Config) error {
	if !v.started() {
		return nil
	}
	had, want := v.config.IntelRdt, next.IntelRdt
	if had == nil && want == nil || had != nil && want != nil && had.ClosID == want.ClosID && had.EnableMonitoring == want.EnableMonitoring {
		return nil
	}
	return errorf(ConfigInvalid, "set configuration of container %q: of IntelRdt only Schemata can change once it has been started", v.c.id)
}

// setIntelRdt writes the schemata of the next configuration, if they are others.
func (v *view) setIntelRdt(next *configs.Config) error {
	if v.groups == nil || slices.Equal(v.config.IntelRdt.Schemata, next.IntelRdt.Schemata) {
		return nil
	}
	return v.resctrl().Set(next.IntelRdt.Schemata)
}

func (v *view) intelRdtStats() (*IntelRdtStats, error) {
	if v.groups == nil {
		return nil, nil
	}
	schemata, err := v.resctrl().Schemata()
	if err != nil {
		return nil, err
	}
	counters, err := v.resctrl().Counters()
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", v.groups.Monitor, err)
	}
	stats := &IntelRdtStats{Schemata: schemata}
	for _, c := range counters {
		stats.Counters = append(stats.Counters, ResctrlCounters(c))
	}
	return stats, nil
}
