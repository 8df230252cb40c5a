// Package tested says what a run of the integration tests is about, for the tests
// and for the programs that they run.
package tested

import (
	"fmt"
	"os"
	"strconv"

	"github.com/libcontainer/libcontainer"
)

// ManagerVariable names the environment's variable that says which manager of
// cgroups is tested: cgroupfs, which is the default, or systemd.
const ManagerVariable = "LCTEST_MANAGER"

// Systemd tells whether it is systemd's.
func Systemd() bool { return os.Getenv(ManagerVariable) == "systemd" }

// InitVariable names the environment's variable that says which init is tested: "image",
// which is the default, or "classic", the calling program.
const InitVariable = "LCTEST_INIT"

// Classic tells whether it is the calling program.
func Classic() bool { return os.Getenv(InitVariable) == "classic" }

// Manager is an option of a factory that sets that manager, and that init.
func Manager(l *libcontainer.LinuxFactory) error {
	if Classic() {
		if err := libcontainer.ClassicInit(l); err != nil {
			return err
		}
	}
	switch name := os.Getenv(ManagerVariable); name {
	case "", "cgroupfs":
		return libcontainer.Cgroupfs(l)
	case "systemd":
		return libcontainer.SystemdCgroups(l)
	default:
		return fmt.Errorf("%s=%s: want cgroupfs or systemd", ManagerVariable, name)
	}
}

// Parent gives the parent of all cgroups of the test run of a process: a
// directory's path below the root of each hierarchy, or a slice's name.
func Parent(pid int) string {
	if Systemd() {
		return "lctest" + strconv.Itoa(pid) + ".slice"
	}
	return "/lctest-" + strconv.Itoa(pid)
}
