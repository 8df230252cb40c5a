package criurpc

import (
	"errors"
	"fmt"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

// Version is that of a criu.
type Version struct {
	Major, Minor, Sublevel int
	GitID                  string // "" for a release
}

// AtLeast tells whether it is that version or a later one.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

func (v Version) String() string {
	text := fmt.Sprintf("%d.%d", v.Major, v.Minor)
	if v.Sublevel != 0 {
		text += fmt.Sprintf(".%d", v.Sublevel)
	}
	if v.GitID != "" {
		text += " (" + clean([]byte(v.GitID)) + ")"
	}
	return text
}

// Features are what a criu and this machine can do.
type Features struct {
	Version Version

	// Kernel is the release of the kernel, as "uname -r" prints it.
	Kernel string

	// Problem is why criu does not work here at all: what its own check says. It is nil if all
	// is well.
	Problem error

	// MemTrack: the kernel tracks which memory changes, which pre-dumps need.
	MemTrack bool

	// LazyPages: the kernel has what lazy pages need of userfaultfd(2).
	LazyPages bool

	// BigPipes: this program may make pipes of 4 MiB, which a dump that serves its pages needs.
	BigPipes bool

	// PidfdStore: pre-dumps can be told by pidfds that a process is another one of the same pid.
	PidfdStore bool

	// NftablesLock: criu can lock the network with nftables, for which it needs no program.
	NftablesLock bool

	// Programs are the paths of the programs that criu calls, by their names: tar, gzip, ip,
	// iptables-restore, ip6tables-restore. One that is not in criu's PATH is not there.
	Programs map[string]string
}

// helpers are the programs that criu may call.
var helpers = []string{"tar", "gzip", "ip", "iptables-restore", "ip6tables-restore"}

// Needs are what somebody wants to do.
type Needs struct {
	// PreDump: memory is saved in rounds, with track_mem.
	PreDump bool
	// LazyPages: memory is restored when it is touched.
	LazyPages bool
	// LazyDump: the dump keeps the memory and serves it (its option lazy_pages), instead of writing
	// images of it.
	LazyDump bool
	// InetSockets: the processes have inet or packet sockets.
	InetSockets bool
	// NetworkNamespace: a network namespace is saved, with its devices, addresses and routes.
	NetworkNamespace bool
	// Tmpfs: file systems in memory are saved, with their files.
	Tmpfs bool
	// NetworkLock is how the network is locked meanwhile, 0 if it is not.
	NetworkLock rpc.CriuNetworkLockMethod
}

// MissingError is something that cannot be done here. It is an errors.ErrUnsupported.
type MissingError struct {
	What   string // what cannot be done
	Why    string
	Remedy string // what to do
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s cannot be done here: %s: %s", e.What, e.Why, e.Remedy)
}

// Is makes it an errors.ErrUnsupported.
func (e *MissingError) Is(target error) bool { return target == errors.ErrUnsupported }

// Missing tells all that is missing: an error that joins a *MissingError for each, or nil. If criu
// does not work here at all, that is the only one.
func (f *Features) Missing(need Needs) error {
	var missing []error
	add := func(lacks bool, what, why, remedy string) {
		if lacks {
			missing = append(missing, &MissingError{what, why, remedy})
		}
	}
	const all = "checkpoint and restore"
	if !f.Version.AtLeast(oldest.Major, oldest.Minor) {
		return &MissingError{all, fmt.Sprintf("criu is version %v", f.Version), fmt.Sprintf("install CRIU %v or later", oldest)}
	}
	if f.Problem != nil {
		return &MissingError{all, f.Problem.Error(), "install a criu and a kernel that go together"}
	}
	add(need.PreDump && !f.MemTrack, "pre-dump", "the kernel does not track changes of memory (CONFIG_MEM_SOFT_DIRTY)",
		"dump all memory at once")
	add(need.LazyPages && !f.LazyPages, "lazy pages", "the kernel lacks events of userfaultfd(2)", "restore all memory at once")
	add(need.LazyDump && !f.BigPipes, "dump that serves its pages", "this program may not make pipes of 4 MiB",
		"give it CAP_SYS_RESOURCE, or raise /proc/sys/fs/pipe-max-size")
	add(need.InetSockets && !f.InetSockets(), "dump of inet and packet sockets",
		fmt.Sprintf("criu %v cannot on Linux 6.16 or later, and this is %s", f.Version, f.Kernel), "install CRIU 4.2 or later")
	for _, p := range []struct {
		needed     bool
		name, what string
	}{
		{need.Tmpfs, "tar", "dump of file systems in memory"},
		{need.Tmpfs, "gzip", "dump of file systems in memory"},
		{need.NetworkNamespace, "ip", "dump of a network namespace"},
		{need.NetworkLock == rpc.CriuNetworkLockMethod_IPTABLES, "iptables-restore", "lock of the network with iptables"},
		{need.NetworkLock == rpc.CriuNetworkLockMethod_IPTABLES, "ip6tables-restore", "lock of the network with iptables"},
	} {
		add(p.needed && f.Programs[p.name] == "", p.what, "there is no program "+p.name+" in criu's PATH", "install "+p.name)
	}
	add(need.NetworkLock == rpc.CriuNetworkLockMethod_NFTABLES && !f.NftablesLock, "lock of the network with nftables",
		"criu was built without nftables, or the kernel has none", "choose the method iptables")
	return errors.Join(missing...)
}

// InetSockets tells whether criu can dump inet and packet sockets. Before version 4.2 it could
// not with Linux 6.16 or later: that refuses an option (SO_PASSCRED) of sockets that have no use
// for it.
func (f *Features) InetSockets() bool {
	return f.Version.AtLeast(4, 2) || !kernelAtLeast(f.Kernel, 6, 16)
}

// kernelAtLeast compares the beginning of a kernel's release. One that is not understood is as
// late as any.
func kernelAtLeast(release string, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(release, "%d.%d", &a, &b); err != nil {
		return true
	}
	return a > major || a == major && b >= minor
}
