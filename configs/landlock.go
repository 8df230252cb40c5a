package configs

// Landlock denies a container's processes what it does not allow them, whoever their user is and
// whatever permissions files have: see landlock(7) and the kernel's document
// userspace-api/landlock. It is in force from the program's execve(2) on, so that the program
// itself, its interpreter and its libraries must be readable and executable by a rule. A
// process cannot give it up, nor can those that it makes. Mounts cannot be changed
// any more either.
//
// What the kernel cannot deny makes a start fail, or is told as a warning if BestEffort is set.
type Landlock struct {
	// Denied are the rights to files that nothing but Paths allows; 0 stands for all.
	Denied LandlockAccess `json:"denied,omitempty"`

	// Paths are what is allowed of that.
	Paths []LandlockPath `json:"paths,omitempty"`

	// TCP limits which ports can be bound and connected to (Linux 6.7). Nil allows all.
	TCP *LandlockTCP `json:"tcp,omitempty"`

	// NoAbstractSockets denies connections to abstract unix sockets that processes outside
	// have made, and NoSignals signals to processes outside (Linux 6.12): outside of what has
	// been started as one process, and all that it has made.
	NoAbstractSockets bool `json:"no_abstract_sockets,omitempty"`
	NoSignals         bool `json:"no_signals,omitempty"`

	// BestEffort starts the container also if the kernel can deny less than that. What it
	// cannot is told as a warning at each start.
	BestEffort bool `json:"best_effort,omitempty"`
}

// LandlockPath allows access to a directory and all that is below it, or to a file.
type LandlockPath struct {
	// Path is absolute inside the container. It must be there when a process is started.
	// What it is then counts, not what has that name later.
	Path string `json:"path"`

	// Access are the rights. Those that are for directories alone mean nothing for a file.
	Access LandlockAccess `json:"access"`
}

// LandlockTCP has the ports that are allowed.
type LandlockTCP struct {
	// Bind are ports to listen on; 0 allows those that the kernel chooses.
	Bind []uint16 `json:"bind,omitempty"`

	// Connect are ports of others.
	Connect []uint16 `json:"connect,omitempty"`
}

// LandlockAccess is a set of rights to files, LANDLOCK_ACCESS_FS_* of <linux/landlock.h>.
type LandlockAccess uint64

// The rights.
const (
	LandlockExecute    LandlockAccess = 1 << iota // execute a file
	LandlockWriteFile                             // open a file for writing
	LandlockReadFile                              // open a file for reading
	LandlockReadDir                               // list a directory
	LandlockRemoveDir                             // remove or rename an empty directory
	LandlockRemoveFile                            // remove or rename a file
	LandlockMakeChar                              // make a character device
	LandlockMakeDir                               // make a directory
	LandlockMakeReg                               // make a regular file
	LandlockMakeSock                              // make a unix socket
	LandlockMakeFifo                              // make a named pipe
	LandlockMakeBlock                             // make a block device
	LandlockMakeSym                               // make a symbolic link
	LandlockRefer                                 // link or rename between directories (Linux 5.19)
	LandlockTruncate                              // truncate a file (Linux 6.2)
	LandlockIoctlDev                              // ioctl(2) on a device (Linux 6.10)
)

// Sets of rights.
const (
	// LandlockReadOnly is to read and to execute.
	LandlockReadOnly LandlockAccess = LandlockReadFile | LandlockReadDir | LandlockExecute

	// LandlockReadWrite is all but devices.
	LandlockReadWrite LandlockAccess = LandlockReadOnly | LandlockWriteFile | LandlockTruncate | LandlockRefer |
		LandlockRemoveDir | LandlockRemoveFile | LandlockMakeDir | LandlockMakeReg | LandlockMakeSock |
		LandlockMakeFifo | LandlockMakeSym

	// LandlockDevices is what a program does with the devices of /dev.
	LandlockDevices LandlockAccess = LandlockReadFile | LandlockReadDir | LandlockWriteFile | LandlockTruncate | LandlockIoctlDev

	// LandlockAll is each right.
	LandlockAll LandlockAccess = LandlockIoctlDev<<1 - 1
)

// DeniedAccess is Denied, or all rights.
func (l *Landlock) DeniedAccess() LandlockAccess {
	if l.Denied == 0 {
		return LandlockAll
	}
	return l.Denied
}
