package configs

import (
	"strconv"

	"github.com/libcontainer/libcontainer/internal/linux"
)

// NamespaceType is a type of namespace, see namespaces(7).
type NamespaceType string

const (
	// NEWNET is a network namespace, see network_namespaces(7).
	NEWNET NamespaceType = "NEWNET"

	// NEWPID is a PID namespace, see pid_namespaces(7).
	NEWPID NamespaceType = "NEWPID"

	// NEWNS is a mount namespace, see mount_namespaces(7).
	NEWNS NamespaceType = "NEWNS"

	// NEWUTS is a namespace of host and domain name, see uts_namespaces(7).
	NEWUTS NamespaceType = "NEWUTS"

	// NEWIPC is an IPC namespace, see ipc_namespaces(7).
	NEWIPC NamespaceType = "NEWIPC"

	// NEWUSER is a user namespace, see user_namespaces(7).
	NEWUSER NamespaceType = "NEWUSER"

	// NEWCGROUP is a cgroup namespace, see cgroup_namespaces(7).
	NEWCGROUP NamespaceType = "NEWCGROUP"

	// NEWTIME is a time namespace, see time_namespaces(7).
	NEWTIME NamespaceType = "NEWTIME"
)

// NamespaceTypes returns all types of namespaces.
func NamespaceTypes() []NamespaceType {
	return []NamespaceType{NEWNET, NEWPID, NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWCGROUP, NEWTIME}
}

// Syscall returns the namespace's flag of clone(2), unshare(2) and setns(2), or
// 0 for an unknown type.
func (n *Namespace) Syscall() int {
	return n.Type.cloneFlag()
}

// GetPath returns the namespace's Path, or when that is empty the file of the
// namespace of process pid, such as /proc/1234/ns/net. It is empty for an
// unknown type without a path.
func (n *Namespace) GetPath(pid int) string {
	if n.Path != "" {
		return n.Path
	}
	file := n.Type.file()
	if file == "" {
		return ""
	}
	return "/proc/" + strconv.Itoa(pid) + "/ns/" + file
}

// CloneFlags returns the flags of clone(2) for the namespaces that are to be
// made new, which are those without a path.
func (n *Namespaces) CloneFlags() uintptr {
	flags := 0
	for _, ns := range *n {
		if ns.Path == "" {
			flags |= ns.Syscall()
		}
	}
	return uintptr(flags)
}

func (t NamespaceType) cloneFlag() int {
	switch t {
	case NEWNET:
		return linux.CLONE_NEWNET
	case NEWPID:
		return linux.CLONE_NEWPID
	case NEWNS:
		return linux.CLONE_NEWNS
	case NEWUTS:
		return linux.CLONE_NEWUTS
	case NEWIPC:
		return linux.CLONE_NEWIPC
	case NEWUSER:
		return linux.CLONE_NEWUSER
	case NEWCGROUP:
		return linux.CLONE_NEWCGROUP
	case NEWTIME:
		return linux.CLONE_NEWTIME
	}
	return 0
}

// file returns the type's name in /proc/PID/ns.
func (t NamespaceType) file() string {
	switch t {
	case NEWNET:
		return "net"
	case NEWPID:
		return "pid"
	case NEWNS:
		return "mnt"
	case NEWUTS:
		return "uts"
	case NEWIPC:
		return "ipc"
	case NEWUSER:
		return "user"
	case NEWCGROUP:
		return "cgroup"
	case NEWTIME:
		return "time"
	}
	return ""
}
