// The host's side: the bootstrap message to the C preamble.

package libcontainer

import (
	"encoding/binary"
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// MessageType is the number of a bootstrap message, or of an attribute of one (Int32msg, Bytemsg).
type MessageType = uint16

// Types of the bootstrap message and of its attributes. The numbers do not
// collide with those of any netlink family; the preamble has the same list
// (nsenter/preamble/bootstrap.h). PidAttr and ConsolePathAttr belong to the
// classic protocol, whose place namespace paths and the container's own handling
// of its console have taken: they are kept for programs that name them, and the
// preamble refuses them as unknown.
const (
	InitMsg         MessageType = 62000
	PidAttr         MessageType = 27281
	ConsolePathAttr MessageType = 27282
)

// Attributes of this library's own.
const (
	cloneFlagsAttr  uint16 = 27283
	mapIDsAttr      uint16 = 27284
	cgroupFdAttr    uint16 = 27285
	timeOffsetsAttr uint16 = 27286
	joinPidfdAttr   uint16 = 27288
	joinFlagsAttr   uint16 = 27289
	userNsAttr      uint16 = 27290
	cgroupNsAttr    uint16 = 27291
	ipcNsAttr       uint16 = 27292
	utsNsAttr       uint16 = 27293
	netNsAttr       uint16 = 27294
	pidNsAttr       uint16 = 27295
	timeNsAttr      uint16 = 27296
	mntNsAttr       uint16 = 27297
)

// maxBootstrap is the limit of the whole message, as in the preamble.
const maxBootstrap = 64 << 10

// Int32msg is a netlink attribute (struct nlattr, see netlink(7)) whose value is
// a number of four bytes in native byte order.
type Int32msg struct {
	Type  uint16
	Value uint32
}

// Serialize returns the attribute as
//
//	| nlattr len | nlattr type |
//	| uint32 value             |
func (msg *Int32msg) Serialize() []byte {
	buf := make([]byte, msg.Len())
	binary.NativeEndian.PutUint16(buf, uint16(msg.Len()))
	binary.NativeEndian.PutUint16(buf[2:], msg.Type)
	binary.NativeEndian.PutUint32(buf[4:], msg.Value)
	return buf
}

// Len returns the length of the attribute in bytes.
func (msg *Int32msg) Len() int { return unix.NLA_HDRLEN + 4 }

// Bytemsg is a netlink attribute (struct nlattr, see netlink(7)) whose value is a
// string of bytes, which is sent with a terminating NUL.
type Bytemsg struct {
	Type  uint16
	Value []byte
}

// Serialize returns the attribute as
//
//	| nlattr len | nlattr type |
//	| value, NUL         | pad |
//
// The length field has 16 bits: the caller makes sure that Len fits in.
func (msg *Bytemsg) Serialize() []byte {
	l := msg.Len()
	buf := make([]byte, (l+unix.NLA_ALIGNTO-1) & ^(unix.NLA_ALIGNTO-1))
	binary.NativeEndian.PutUint16(buf, uint16(l))
	binary.NativeEndian.PutUint16(buf[2:], msg.Type)
	copy(buf[4:], msg.Value)
	return buf
}

// Len returns the length of the attribute in bytes, without the padding.
func (msg *Bytemsg) Len() int { return unix.NLA_HDRLEN + len(msg.Value) + 1 }

// bootstrapMessage collects the attributes of a bootstrap message.
type bootstrapMessage struct {
	buf []byte
}

func newBootstrapMessage() *bootstrapMessage {
	return &bootstrapMessage{buf: make([]byte, unix.NLMSG_HDRLEN, 512)}
}

func (m *bootstrapMessage) addInt(attr uint16, v uint32) {
	m.buf = append(m.buf, (&Int32msg{Type: attr, Value: v}).Serialize()...)
}

func (m *bootstrapMessage) addString(attr uint16, s string) error {
	msg := &Bytemsg{Type: attr, Value: []byte(s)}
	if msg.Len() > math.MaxUint16 {
		return fmt.Errorf("bootstrap attribute %d: %d bytes are over the limit of %d", attr, msg.Len(), math.MaxUint16)
	}
	m.buf = append(m.buf, msg.Serialize()...)
	return nil
}

// bytes completes the header, struct nlmsghdr, and returns the whole message.
func (m *bootstrapMessage) bytes() ([]byte, error) {
	if len(m.buf) > maxBootstrap {
		return nil, fmt.Errorf("bootstrap message: %d bytes are over the limit of %d", len(m.buf), maxBootstrap)
	}
	binary.NativeEndian.PutUint32(m.buf, uint32(len(m.buf)))
	binary.NativeEndian.PutUint16(m.buf[4:], InitMsg)
	return m.buf, nil
}

// nsAttr gives the attribute that carries the path of a namespace to join.
func nsAttr(t configs.NamespaceType) (uint16, bool) {
	switch t {
	case configs.NEWUSER:
		return userNsAttr, true
	case configs.NEWCGROUP:
		return cgroupNsAttr, true
	case configs.NEWIPC:
		return ipcNsAttr, true
	case configs.NEWUTS:
		return utsNsAttr, true
	case configs.NEWNET:
		return netNsAttr, true
	case configs.NEWPID:
		return pidNsAttr, true
	case configs.NEWTIME:
		return timeNsAttr, true
	case configs.NEWNS:
		return mntNsAttr, true
	}
	return 0, false
}

// bootstrapFor gives the message that makes and joins the namespaces of a
// configuration.
func bootstrapFor(config *configs.Config) ([]byte, error) {
	m := newBootstrapMessage()
	flags := uint32(config.Namespaces.CloneFlags())
	m.addInt(cloneFlagsAttr, flags)
	if flags&unix.CLONE_NEWUSER != 0 {
		m.addInt(mapIDsAttr, 1)
	}
	if offsets := timeOffsets(config); offsets != "" {
		if err := m.addString(timeOffsetsAttr, offsets); err != nil {
			return nil, err
		}
	}
	for _, ns := range config.Namespaces {
		if ns.Path == "" {
			continue
		}
		attr, ok := nsAttr(ns.Type)
		if !ok {
			return nil, fmt.Errorf("bootstrap message: unknown namespace type %q", ns.Type)
		}
		if err := m.addString(attr, ns.Path); err != nil {
			return nil, err
		}
	}
	return m.bytes()
}

// bootstrapForJoin gives the message that joins namespaces of the process that
// pidfd, a descriptor of the preamble's process, refers to.
func bootstrapForJoin(pidfd int, flags uintptr) ([]byte, error) {
	m := newBootstrapMessage()
	m.addInt(joinPidfdAttr, uint32(pidfd))
	m.addInt(joinFlagsAttr, uint32(flags))
	return m.bytes()
}

// timeOffsets gives what is written to /proc/self/timens_offsets, see
// time_namespaces(7).
func timeOffsets(config *configs.Config) string {
	text := ""
	for _, clock := range []string{"monotonic", "boottime"} {
		if o, ok := config.TimeOffsets[clock]; ok {
			text += fmt.Sprintf("%s %d %d\n", clock, o.Secs, o.Nanosecs)
		}
	}
	return text
}
