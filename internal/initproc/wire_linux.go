// Both sides: how a Config travels through the init pipe.
//
// It is not JSON, because init decodes exactly one message in its life and would
// spend more time on building encoding/json's tables for the types, some 0.6 ms,
// than on mounting the root file system. Both sides are the same program, so the
// format needs no versions.

package initproc

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/libcontainer/libcontainer/configs"
)

// Encode returns the configuration as it is sent to init.
func (c *Config) Encode() []byte {
	w := &wire{buf: make([]byte, 0, 4096)}
	c.code(w)
	return w.buf
}

// DecodeConfig is the inverse of Encode. Fields of the container's configuration
// that only the host's side needs are zero in the result.
func DecodeConfig(data []byte) (*Config, error) {
	w := &wire{buf: data, decoding: true}
	c := new(Config)
	c.code(w)
	if w.err == nil && len(w.buf) > 0 {
		w.err = errTrailing
	}
	if w.err != nil {
		return nil, w.err
	}
	return c, nil
}

var (
	errTruncated = errors.New("the message is truncated")
	errTrailing  = errors.New("the message has more than a configuration")
)

// wire writes values to a buffer or reads them from it: one description of a type
// serves both directions, so that they cannot differ. Nothing is written to what
// is encoded: others may be encoding it too.
type wire struct {
	buf      []byte
	decoding bool
	err      error // sticky
}

func (w *wire) uint64(v *uint64) {
	if !w.decoding {
		w.buf = binary.AppendUvarint(w.buf, *v)
		return
	}
	x, n := binary.Uvarint(w.buf)
	if n <= 0 {
		w.fail()
		return
	}
	*v, w.buf = x, w.buf[n:]
}

func (w *wire) fail() {
	if w.err == nil {
		w.err = errTruncated
	}
	w.buf = nil
}

// integer codes a signed or unsigned number; small negative ones are short too.
func integer[T ~int | ~int32 | ~int64 | ~uint32 | ~uint64](w *wire, v *T) {
	x := uint64(int64(*v)<<1 ^ int64(*v)>>63)
	w.uint64(&x)
	if w.decoding {
		*v = T(int64(x>>1) ^ -int64(x&1))
	}
}

func (w *wire) bool(v *bool) {
	var x uint64
	if *v {
		x = 1
	}
	w.uint64(&x)
	if w.decoding {
		*v = x != 0
	}
}

// length codes the number of items that follow, each of which has a byte at least.
func (w *wire) length(n int) int {
	x := uint64(n)
	w.uint64(&x)
	if w.decoding && x > uint64(len(w.buf)) {
		w.fail()
		return 0
	}
	return int(x)
}

func text[T ~string](w *wire, v *T) {
	n := w.length(len(*v))
	if !w.decoding {
		w.buf = append(w.buf, *v...)
		return
	}
	*v, w.buf = T(w.buf[:n]), w.buf[n:]
}

func blob(w *wire, v *[]byte) {
	s := string(*v)
	text(w, &s)
	if w.decoding && s != "" {
		*v = []byte(s)
	}
}

// list codes a slice. Empty ones are nil after decoding.
func list[T any](w *wire, s *[]T, item func(*wire, *T)) {
	n := w.length(len(*s))
	if w.decoding {
		*s = nil
		if n > 0 {
			*s = make([]T, n)
		}
	}
	for i := range *s {
		item(w, &(*s)[i])
	}
}

// pointers codes a slice of pointers, none of which is nil.
func pointers[T any](w *wire, s *[]*T, item func(*wire, *T)) {
	list(w, s, func(w *wire, p **T) {
		if *p == nil {
			*p = new(T)
		}
		item(w, *p)
	})
}

func texts(w *wire, s *[]string) { list(w, s, text[string]) }

func dict(w *wire, m *map[string]string) {
	n := w.length(len(*m))
	if !w.decoding {
		for k, v := range *m {
			text(w, &k)
			text(w, &v)
		}
		return
	}
	*m = nil
	for range n {
		var k, v string
		text(w, &k)
		text(w, &v)
		if *m == nil {
			*m = make(map[string]string, n)
		}
		(*m)[k] = v
	}
}

func (c *Config) code(w *wire) {
	texts(w, &c.Args)
	texts(w, &c.Env)
	text(w, &c.Cwd)
	text(w, &c.User)
	texts(w, &c.AdditionalGroups)
	m := &c.Capabilities
	for _, set := range []*uint64{&m.Bounding, &m.Effective, &m.Inheritable, &m.Permitted, &m.Ambient} {
		w.uint64(set)
	}
	integer(w, &c.FdLimit)
	integer(w, &c.OwnStdio)
	w.bool(&c.Terminal)
	w.bool(&c.InUserNS)
	w.bool(&c.Join)
	integer(w, &c.MntFd)
	integer(w, &c.ReleaseFd)
	text(w, &c.AppArmorProfile)
	text(w, &c.ProcessLabel)
	w.bool(&c.SetgroupsDenied)
	dict(w, &c.CgroupPaths)
	texts(w, &c.SetupCgroups)
	texts(w, &c.ExecCgroups)
	w.bool(&c.LimitedTasks)
	list(w, &c.CgroupMounts, func(w *wire, m *CgroupMount) {
		text(w, &m.Mountpoint)
		texts(w, &m.Subsystems)
	})
	w.bool(&c.HostHooks)
	list(w, &c.CreateContainer, codeCommand)
	list(w, &c.StartContainer, codeCommand)
	blob(w, &c.HookState)
	blob(w, &c.Filter.Program)
	w.uint64(&c.Filter.Flags)
	w.bool(&c.Filter.Notify)
	w.bool(&c.Filter.KillsThread)
	if c.Container == nil {
		c.Container = new(configs.Config)
	}
	codeContainer(w, c.Container)
}

func codeContainer(w *wire, c *configs.Config) {
	w.bool(&c.NoPivotRoot)
	integer(w, &c.ParentDeathSignal)
	text(w, &c.Rootfs)
	w.bool(&c.Readonlyfs)
	integer(w, &c.RootPropagation)
	pointers(w, &c.Mounts, codeMount)
	pointers(w, &c.Devices, codeDevice)
	text(w, &c.Hostname)
	text(w, &c.Domainname)
	list(w, (*[]configs.Namespace)(&c.Namespaces), func(w *wire, n *configs.Namespace) {
		text(w, &n.Type)
		text(w, &n.Path)
	})
	pointers(w, &c.Networks, func(w *wire, n *configs.Network) { text(w, &n.Type) })
	list(w, &c.Rlimits, func(w *wire, l *configs.Rlimit) {
		integer(w, &l.Type)
		integer(w, &l.Hard)
		integer(w, &l.Soft)
	})
	texts(w, &c.MaskPaths)
	texts(w, &c.ReadonlyPaths)
	dict(w, &c.Sysctl)
	w.bool(&c.NoNewPrivileges)
}

func codeMount(w *wire, m *configs.Mount) {
	text(w, &m.Source)
	text(w, &m.Destination)
	text(w, &m.Device)
	integer(w, &m.Flags)
	list(w, &m.PropagationFlags, integer[int])
	text(w, &m.Data)
	list(w, &m.PremountCmds, codeCommand)
	list(w, &m.PostmountCmds, codeCommand)
	text(w, &m.IDMapping)
	w.uint64(&m.RecAttrSet)
	w.uint64(&m.RecAttrClear)
	w.bool(&m.CopyUp)
}

func codeCommand(w *wire, c *configs.Command) {
	text(w, &c.Path)
	texts(w, &c.Args)
	texts(w, &c.Env)
	text(w, &c.Dir)
	limited := c.Timeout != nil
	w.bool(&limited)
	if !limited {
		return
	}
	if w.decoding {
		c.Timeout = new(time.Duration)
	}
	integer(w, c.Timeout)
}

func codeDevice(w *wire, d *configs.Device) {
	integer(w, &d.Type)
	text(w, &d.Path)
	integer(w, &d.Major)
	integer(w, &d.Minor)
	integer(w, &d.FileMode)
	integer(w, &d.Uid)
	integer(w, &d.Gid)
}
