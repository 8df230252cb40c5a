package program

// The format of a list. All numbers are in native byte order; both ends are of
// one machine.
//
//	header      32 bytes, the first 16 of which are a struct nlmsghdr (netlink(7))
//	operations  72 bytes each
//	relocations 4 bytes each: offsets in the list of 8-byte words to which the
//	            address of the list in memory is added
//	data        what the arguments of the operations point to
//
// The assembly in package image has the same numbers.
const (
	// MsgType is the type of the message that a list is.
	MsgType = 62001

	headerSize = 32
	opSize     = 72

	// Offsets in the header.
	hdrSize   = 0  // u32, of the whole list
	hdrType   = 4  // u16, MsgType
	hdrSeq    = 8  // u32, the number of the list
	hdrOps    = 16 // u32, how many operations
	hdrRelocs = 20 // u32, how many relocations
	hdrFiles  = 24 // u32, how many descriptors come with the list
	hdrReg    = 28 // u32, the register of the first of these

	// Offsets in an operation.
	opNumber = 0  // u32, of the system call, or one of the numbers below
	opResult = 4  // u16, a register; NoReg for none
	opRegs   = 6  // u8, bit i: argument i is the number of a register
	opErrnos = 8  // 4 u16, errors that are tolerated, 0 for none; the first anyErrno: all
	opGoto   = 16 // u32, the operation to go on with then; 0: the next one
	opArgs   = 24 // 6 u64

	maxArgs     = 6
	maxErrnos   = 4
	maxSize     = 64 << 20
	maxOps      = 1 << 16
	maxRelocs   = 1 << 20
	maxDepth    = 64
	registers   = 256
	specialBase = 0x10000
	anyErrno    = 0xffff
)

// MaxFiles is how many descriptors can come with one list.
const MaxFiles = 96

// The operations that are no system calls.
const (
	opTest   = specialBase + iota // (value & mask) == wanted, or go on elsewhere, or fail with an errno
	opLess                        // a < b as signed numbers, or go on elsewhere, or fail
	opLoad                        // 1, 2, 4 or 8 bytes of memory into a register
	opStore                       // 1, 2, 4 or 8 bytes into memory
	opAdd                         // a + b - c into a register
	opJump                        // go on elsewhere
	opNext                        // read a list from a descriptor and execute it
	opReturn                      // go on behind the operation that has read this list
)

// The messages of an interpreter and of the operations to the host: a u32 kind, a
// u32 length of what follows, and that.
const (
	// KindFailed is an operation's failure: u32 errno, u32 number of the list,
	// u32 index of the operation. The process ends after it.
	KindFailed = 1
	// KindAsk is a request: a u32 id, and what it is about; see [Builder.Ask].
	KindAsk = 2

	// MessageHeader is the size of a message before what follows.
	MessageHeader = 8

	// MaxPayload is what a request may be about at most. The kernel copies that much at
	// once into a buffer of the socket's: the whole message is sent, or nothing (EINTR),
	// and nothing is done again. Of more it may send a part when a signal comes, as those
	// by which Go's scheduler wakes a thread, or SIGCONT; then the rest would be lost.
	MaxPayload = 16 << 10
)
