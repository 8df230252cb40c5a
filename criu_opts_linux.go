// The API on Linux: options of checkpoint and restore.

package libcontainer

type cg_mode uint32 //nolint:revive // a name of the classic API

// How criu(8) treats cgroups, its option --manage-cgroups.
const (
	// CRIU_CG_MODE_SOFT restores cgroup properties if only dir created by criu.
	CRIU_CG_MODE_SOFT cg_mode = 3 + iota
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

// CriuOpts are the options of Checkpoint and Restore.
type CriuOpts struct {
	ImagesDirectory         string             // directory for storing image files
	WorkDirectory           string             // directory to cd and write logs/pidfiles/stats to
	LeaveRunning            bool               // leave container in running state after checkpoint
	TcpEstablished          bool               // checkpoint/restore established TCP connections
	ExternalUnixConnections bool               // allow external unix connections
	ShellJob                bool               // allow to dump and restore shell jobs
	FileLocks               bool               // handle file locks, for safety
	PageServer              CriuPageServerInfo // allow to dump to criu page server
	VethPairs               []VethPairName     // pass the veth to criu when restore
	ManageCgroupsMode       cg_mode            // dump or restore cgroup mode
}
