//go:build linux

package fs

import (
	"fmt"
	"strconv"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

// netCls is the controller that marks packets for tc(8), see
// cgroup-v1/net_cls.rst.
type netCls struct{}

func (netCls) key() string { return "net_cls" }

func (netCls) asks(r *configs.Resources) (request, string) {
	if r.NetClsClassid == "" {
		return nothing, ""
	}
	return required, "NetClsClassid"
}

func (netCls) set(s *setter, r *configs.Resources) error {
	id, err := strconv.ParseUint(r.NetClsClassid, 0, 32)
	if err != nil {
		return fmt.Errorf("NetClsClassid %q is not a 32-bit number, decimal or with 0x: %w", r.NetClsClassid, err)
	}
	return s.Write("NetClsClassid", "net_cls.classid", strconv.FormatUint(id, 10))
}

// stats does nothing: net_cls has no statistics.
func (netCls) stats(*cgdir.Dir, *cgroups.Stats) error { return nil }
