// The host's side: what is wrong with a process before anything of it is started.

package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/libcontainer/libcontainer/configs/validate"
)

func checkProcess(p *Process) error {
	switch {
	case p == nil:
		return errorf(ConfigInvalid, "start process: no process")
	case p.run != nil:
		return errorf(ConfigInvalid, "start process: it has been started before")
	case len(p.Args) == 0 || p.Args[0] == "":
		return errorf(ConfigInvalid, "start process: Args is empty")
	case p.Cwd != "" && p.Cwd[0] != '/':
		return errorf(ConfigInvalid, "start process: Cwd %q is not absolute", p.Cwd)
	}
	for i, arg := range p.Args {
		if strings.ContainsRune(arg, 0) {
			return errorf(ConfigInvalid, "start process: Args[%d] %q holds a NUL", i, arg)
		}
	}
	for i, kv := range p.Env {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" || strings.ContainsRune(kv, 0) {
			return errorf(ConfigInvalid, "start process: Env[%d] %q is not NAME=value", i, kv)
		}
	}
	for i, f := range p.ExtraFiles {
		if f == nil {
			return errorf(ConfigInvalid, "start process: ExtraFiles[%d] is nil", i)
		}
	}
	if err := checkProcessLabels(p.AppArmorProfile, p.Label); err != nil {
		return invalid(fmt.Errorf("start process: %w", err))
	}
	if err := checkProcessValues(p); err != nil {
		return invalid(fmt.Errorf("start process: %w", err))
	}
	return nil
}

// checkProcessValues checks what a configuration can have, too, and what excludes
// one another.
func checkProcessValues(p *Process) error {
	switch {
	case p.ConsoleSize != nil && !p.hasConsole():
		return errors.New("ConsoleSize is set, and the process has no console")
	case p.NoNewPrivileges && p.AllowNewPrivileges:
		return errors.New("NoNewPrivileges and AllowNewPrivileges are both set")
	case p.Unlabeled && (p.Label != "" || p.AppArmorProfile != ""):
		return fmt.Errorf("process is Unlabeled, and Label is %q, AppArmorProfile %q", p.Label, p.AppArmorProfile)
	}
	if p.OomScoreAdj != nil {
		if err := validate.OomScoreAdj(*p.OomScoreAdj); err != nil {
			return err
		}
	}
	return cmp.Or(
		checkSubCgroups(p),
		validate.Rlimits(p.Rlimits),
		validate.CapabilitySets(p.CapabilitySets),
		validate.Umask(p.Umask),
		validate.Scheduler(p.Scheduler),
		validate.IOPriority(p.IOPriority),
		validate.CPUAffinity(p.CPUAffinity),
		validate.MemoryPolicy(p.MemoryPolicy),
		validate.Personality(p.Personality),
	)
}
