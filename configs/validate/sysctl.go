package validate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// sysctls lets through only what belongs to a namespace of the container; all
// else is the host's.
func sysctls(c *configs.Config) error {
	seen := make(map[string]string)
	for _, key := range slices.Sorted(maps.Keys(c.Sysctl)) {
		field := fmt.Sprintf("Sysctl[%q]", key)
		name, err := sysctlName(key)
		if err != nil {
			return fmt.Errorf("%s %w", field, err)
		}
		if other, ok := seen[name]; ok {
			return fmt.Errorf("%s is the same as %q", field, other)
		}
		seen[name] = key
		if err := sysctl(c, field, name); err != nil {
			return err
		}
		if err := noNUL(field, c.Sysctl[key]); err != nil {
			return err
		}
	}
	return nil
}

// sysctlName returns the path below /proc/sys. As in sysctl(8), the first
// separator decides: in net.ipv4.conf.eth0/1.forwarding the slash stands for the
// dot in the interface's name eth0.1, in net/ipv4/conf/eth0.1/forwarding the dot
// is itself.
func sysctlName(key string) (string, error) {
	if strings.ContainsRune(key, 0) {
		return "", errNUL
	}
	name := key
	if first := strings.IndexAny(key, "./"); first >= 0 && key[first] == '.' {
		name = strings.NewReplacer(".", "/", "/", ".").Replace(key)
	}
	for component := range strings.SplitSeq(name, "/") {
		switch component {
		case "":
			return "", errors.New("has an empty component")
		case ".", "..":
			return "", fmt.Errorf("has a %q component", component)
		}
	}
	return name, nil
}

func sysctl(c *configs.Config, field, name string) error {
	switch {
	case slices.Contains(hostSysctls, name):
		return fmt.Errorf("%s would change the host: the kernel has one value for all network namespaces", field)
	case strings.HasPrefix(name, "net/"):
		return needsOwn(c, configs.NEWNET, field)
	case strings.HasPrefix(name, "fs/mqueue/"), isIPCSysctl(name):
		return needsOwn(c, configs.NEWIPC, field)
	case name == "kernel/pid_max", name == "kernel/ns_last_pid":
		// Whoever joins a pid namespace writes before it is inside.
		if !c.Namespaces.Creates(configs.NEWPID) {
			return fmt.Errorf("%s needs a new NEWPID namespace", field)
		}
		return nil
	case strings.HasPrefix(name, "user/"):
		return needsOwn(c, configs.NEWUSER, field)
	case name == "kernel/hostname":
		return utsSysctl(c, field, "Hostname", c.Hostname)
	case name == "kernel/domainname":
		return utsSysctl(c, field, "Domainname", c.Domainname)
	}
	return fmt.Errorf("%s does not belong to a namespace and would change the host", field)
}

// hostSysctls are those below /proc/sys/net that a network namespace has, and may write,
// and that are the whole machine's all the same. TestSysctlsOfTheKernel looks for others.
var hostSysctls = []string{"net/netfilter/nf_hooks_lwtunnel"}

// isIPCSysctl tells whether the parameter is one of ipc_namespaces(7), or of those beside
// them in ipc_sysctls of the kernel's ipc/ipc_sysctl.c.
func isIPCSysctl(name string) bool {
	switch name {
	case "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/msg_next_id", "kernel/auto_msgmni",
		"kernel/sem", "kernel/sem_next_id",
		"kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced", "kernel/shm_next_id":
		return true
	}
	return false
}

func utsSysctl(c *configs.Config, field, other, value string) error {
	if value != "" {
		return fmt.Errorf("%s and %s %q are for the same thing", field, other, value)
	}
	return needsOwn(c, configs.NEWUTS, field)
}
