package criurpc

import (
	"context"
	"errors"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

// Version is that of a criu.
type Version struct {
	Major, Minor, Sublevel int
	GitID                  string // "" for a release
}

// AtLeast tells whether it is that version or a later one.
func (v Version) AtLeast(major, minor int) bool { return false }

func (v Version) String() string { return "" }

// Features are what a criu can do on this machine.
type Features struct {
	Version Version
	Kernel  string // its release, as uname -r tells it

	MemTrack   bool // the kernel tracks which memory changes: pre-dump
	LazyPages  bool // userfaultfd: pages can be restored when they are touched
	PidfdStore bool

	// Problem is nil if criu's own check finds all that it cannot do without.
	Problem error

	// BigPipes tells whether this program may make pipes of 4 MiB, which lazy pages need:
	// CAP_SYS_RESOURCE, or fs.pipe-max-size.
	BigPipes bool

	// NftablesLock tells whether criu can lock the network with nftables.
	NftablesLock bool

	// Programs are the paths of those that criu calls, by name: tar, gzip, ip,
	// iptables-restore, ip6tables-restore. Who is not in PATH is not here.
	Programs map[string]string
}

// Needs are what a caller wants to do.
type Needs struct {
	PreDump          bool // memory is saved in rounds
	LazyPages        bool
	InetSockets      bool // there are inet or packet sockets, or an own network namespace
	NetworkNamespace bool // an own one, whose devices and routes are saved
	Tmpfs            bool // file systems in memory, whose files are saved

	// NetworkLock is the method by which the network is locked, if it is.
	NetworkLock rpc.CriuNetworkLockMethod
}

// Missing tells all that this machine lacks, nil if it is nothing. The error joins a
// *MissingError for each.
func (f *Features) Missing(need Needs) error { return errors.ErrUnsupported }

// MissingError is something that this machine cannot do.
type MissingError struct {
	What   string // what was wanted
	Why    string // what is missing
	Remedy string
}

func (e *MissingError) Error() string { return "" }

// Is makes it an errors.ErrUnsupported.
func (e *MissingError) Is(target error) bool { return target == errors.ErrUnsupported }

// Probe looks at what criu can do here. It asks anew each time.
func (c *Criu) Probe(ctx context.Context) (*Features, error) { return nil, errors.ErrUnsupported }
