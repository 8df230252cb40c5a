// The API on Linux: options of checkpoint and restore.

package libcontainer

import (
	"time"
)

type cg_mode uint32 //nolint:revive // a name of the classic API

// CgroupsMode is how criu(8) treats cgroups, its option --manage-cgroups. It is the exported name of a
// type that has none in the classic API.
type CgroupsMode = cg_mode

// The ways to treat cgroups.
const (
	// CRIU_CG_MODE_SOFT restores cgroup properties if only dir created by criu.
	CRIU_CG_MODE_SOFT CgroupsMode = 3 + iota
	// CRIU_CG_MODE_FULL always restores all cgroups and their properties.
	CRIU_CG_MODE_FULL
	// CRIU_CG_MODE_STRICT restores all, requiring them to not present in the system.
	CRIU_CG_MODE_STRICT
	// CRIU_CG_MODE_DEFAULT is the same as CRIU_CG_MODE_SOFT.
	CRIU_CG_MODE_DEFAULT
)

// CriuPageServerInfo is where criu's page server listens.
type CriuPageServerInfo struct {
	Address string // IP address of CRIU page server
	Port    int32  // port number of CRIU page server
}

// VethPairName names the two ends of a virtual network link.
type VethPairName struct {
	ContainerInterfaceName string
	HostInterfaceName      string
}

// NetworkLock is how criu keeps packets from the processes, and from those that they are
// connected with, while it saves or restores connections (--network-lock in criu(8)).
type NetworkLock int

// The ways to lock the network.
const (
	// LockByNftables is the default. It needs no other program.
	LockByNftables NetworkLock = iota
	// LockByIptables needs iptables-restore and ip6tables-restore.
	LockByIptables
	// SkipLock does not lock: a packet that comes meanwhile may reset its connection.
	SkipLock
)

// CriuOpts are the options of Checkpoint and Restore. A field that is only for one of them
// is not looked at by the other.
type CriuOpts struct {
	ImagesDirectory         string             // directory for storing image files
	WorkDirectory           string             // directory to cd and write logs/pidfiles/stats to; that of the images if empty
	LeaveRunning            bool               // leave container in running state after checkpoint
	TcpEstablished          bool               // checkpoint/restore established TCP connections
	ExternalUnixConnections bool               // allow external unix connections
	ShellJob                bool               // allow to dump and restore shell jobs
	FileLocks               bool               // handle file locks, for safety
	PageServer              CriuPageServerInfo // allow to dump to criu page server
	VethPairs               []VethPairName     // pass the veth to criu when restore
	ManageCgroupsMode       cg_mode            // dump or restore cgroup mode; 0 is CRIU_CG_MODE_SOFT

	// Checkpoint

	// ParentImage is the images directory of the pre-dump before this one, as a path relative to
	// ImagesDirectory. Only memory that has changed since then is saved.
	ParentImage string

	// PreDump saves the memory alone, and lets the container run: the next checkpoint, with
	// this one as its ParentImage, stops the container for less time. The kernel must track
	// changes of memory (CONFIG_MEM_SOFT_DIRTY).
	PreDump bool

	// AutoDedup frees in the images of the pre-dumps before what these images have anew.
	AutoDedup bool

	// LinkRemap saves files that have no name any more by linking them under a new one.
	LinkRemap bool

	// GhostLimit is how many bytes a file may have that has no name any more, and is saved
	// for that with its content. 0 is criu's default, 1 MiB.
	GhostLimit uint32

	// TcpSkipInFlight leaves out TCP connections that are not yet established.
	TcpSkipInFlight bool

	// EmptyNetwork leaves out the content of the container's own network namespace, and makes an empty
	// one: the hooks of the restored container, such as CreateRuntime, may give it its network. It
	// is for both, and not for a container with veth pairs (Networks) or NetDevices. The loopback
	// is down then.
	EmptyNetwork bool

	// TcpClose restores the sockets of TCP connections as closed ones. It is for both.
	TcpClose bool

	// EndOthers ends processes that were started beside the initial one (Start in a running
	// container) and what they have started: criu knows init and its children alone. Without
	// it a container that has such is refused.
	EndOthers bool

	// DropSettings saves threads although they have a personality(2) or a NUMA memory policy of
	// their own (Process.Personality and MemoryPolicy, or their own doing). Criu does not save
	// these: restored, they have none. Without it a container that has such is refused.
	DropSettings bool

	// Restore

	// LsmProfile is the label (SELinux) or profile (AppArmor) that the processes get instead of the
	// one that they had, as "selinux:label" or "apparmor:profile".
	LsmProfile string

	// LsmMountContext is the SELinux context of mounts, instead of the one that they had.
	LsmMountContext string

	// Both

	// LazyPages of Restore restores memory when it is touched (userfaultfd(2)). A criurpc.LazyPages
	// with the same work directory must serve it, from the images or from a Checkpoint that does.
	//
	// LazyPages of Checkpoint writes no memory into the images: criu listens at PageServer and sends
	// each page when it is asked for. Checkpoint returns when all have been fetched; the container's
	// processes are frozen until then. It needs CAP_SYS_RESOURCE. See docs/checkpoint.md.
	LazyPages bool

	// NetworkLock is how the network is locked.
	NetworkLock NetworkLock

	// ConfigFile is the path of a file with more options of criu, "" if there is none. Criu
	// obeys it as root, action scripts included. It obeys no other such file, whatever
	// HOME and CRIU_CONFIG_FILE say.
	ConfigFile string

	// OptionalStdio leaves out those of the process's Stdin, Stdout and Stderr that cannot be used,
	// since the descriptor was none of the host's at the checkpoint. Without it Restore refuses them.
	OptionalStdio bool

	// Timeout is how long criu waits for the processes to be frozen. 0 is its default, ten
	// seconds.
	Timeout time.Duration

	// Key authenticates the images (HMAC-SHA256): those of a checkpoint with a key are
	// restored only with the same, and with a key only such are. Without one Restore trusts images
	// that belong to this program's user, and that nobody else may write.
	Key []byte

	// Progress is called, if it is not nil, with what is being done. Calls come one after the
	// other and hold up the work, while the processes may be frozen. The container's lock is held:
	// methods that change the container, such as Pause, Set and Destroy, would wait for ever.
	// End the context to break the call off.
	Progress func(CriuProgress)
}

// CriuProgress is how far a checkpoint or a restore has come.
type CriuProgress struct {
	// Stage is criu's name of the stage that has been reached (see criurpc.Stage), "pages" between
	// them while memory is written, and "done" at the end. At "post-dump" criu has written its
	// images; the manifest without which they are worth nothing is written next.
	Stage string

	// Pages is how many bytes of memory have been written so far, Estimate how many the
	// processes had when it began.
	Pages, Estimate int64

	// Stats are criu's statistics, nil before the end.
	Stats *CriuStats
}

// CriuStats are criu's statistics of a checkpoint or a restore.
type CriuStats struct {
	// Freezing is how long it took to stop all processes, Frozen how long they were stopped
	// (checkpoint), Restoring how long a restore took.
	Freezing, Frozen, Restoring time.Duration

	// Of pages of memory, which have 4096 bytes on most machines: those that were looked
	// at, those left out since a parent image has them, and those written (checkpoint) or restored.
	PagesScanned, PagesSkipped, PagesWritten, PagesRestored uint64
}
