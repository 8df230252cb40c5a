//go:build linux

package systemd

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestUnitNameOfPath(t *testing.T) {
	_, err := unitName(&configs.Cgroup{Path: "/a/b", Resources: &configs.Resources{}})
	wantError(t, err, "Cgroups.Path", "/a/b")
}
