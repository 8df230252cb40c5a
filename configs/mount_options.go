package configs

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/internal/linux"
)

// mountOption is what an option does to a Mount, beside the field that it is.
type mountOption struct {
	name        string
	set, clear  int    // of Flags; what is cleared a bind mount does not take over either
	propagation int    // one more of PropagationFlags
	recSet      uint64 // of RecAttrSet and RecAttrClear, the latter for access times too
	recClear    uint64
	apply       func(*Mount)
}

// mountOptions are the options of mount(8) that do not belong to a file system, and those
// of the OCI runtime specification, section "Linux mount options".
func mountOptions() []mountOption {
	const atime = linux.MOUNT_ATTR__ATIME
	const atimes = linux.MS_NOATIME | linux.MS_RELATIME | linux.MS_STRICTATIME
	return []mountOption{
		{name: "async", clear: linux.MS_SYNCHRONOUS},
		{name: "atime", clear: linux.MS_NOATIME},
		{name: "bind", set: linux.MS_BIND},
		{name: "defaults"},
		{name: "dev", clear: linux.MS_NODEV},
		{name: "diratime", clear: linux.MS_NODIRATIME},
		{name: "dirsync", set: linux.MS_DIRSYNC},
		{name: "exec", clear: linux.MS_NOEXEC},
		{name: "idmap", apply: func(m *Mount) { m.IDMapping = IDMapMount }},
		{name: "lazytime", set: linux.MS_LAZYTIME},
		{name: "loud", clear: linux.MS_SILENT},
		{name: "mand", set: linux.MS_MANDLOCK},
		{name: "noatime", set: linux.MS_NOATIME, clear: atimes},
		{name: "nodev", set: linux.MS_NODEV},
		{name: "nodiratime", set: linux.MS_NODIRATIME},
		{name: "noexec", set: linux.MS_NOEXEC},
		{name: "nolazytime", clear: linux.MS_LAZYTIME},
		{name: "nomand", clear: linux.MS_MANDLOCK},
		{name: "norelatime", clear: linux.MS_RELATIME},
		{name: "nostrictatime", clear: linux.MS_STRICTATIME},
		{name: "nosuid", set: linux.MS_NOSUID},
		{name: "nosymfollow", set: linux.MS_NOSYMFOLLOW},
		{name: "private", propagation: linux.MS_PRIVATE},
		{name: "ratime", recClear: atime},
		{name: "rbind", set: linux.MS_BIND | linux.MS_REC},
		{name: "rdev", recClear: linux.MOUNT_ATTR_NODEV},
		{name: "rdiratime", recClear: linux.MOUNT_ATTR_NODIRATIME},
		{name: "relatime", set: linux.MS_RELATIME, clear: atimes},
		{name: "remount", set: linux.MS_REMOUNT},
		{name: "rexec", recClear: linux.MOUNT_ATTR_NOEXEC},
		{name: "ridmap", apply: func(m *Mount) { m.IDMapping = IDMapRecursive }},
		{name: "rnoatime", recSet: linux.MOUNT_ATTR_NOATIME, recClear: atime},
		{name: "rnodev", recSet: linux.MOUNT_ATTR_NODEV},
		{name: "rnodiratime", recSet: linux.MOUNT_ATTR_NODIRATIME},
		{name: "rnoexec", recSet: linux.MOUNT_ATTR_NOEXEC},
		{name: "rnorelatime", recClear: atime},
		{name: "rnostrictatime", recClear: atime},
		{name: "rnosuid", recSet: linux.MOUNT_ATTR_NOSUID},
		{name: "rnosymfollow", recSet: linux.MOUNT_ATTR_NOSYMFOLLOW},
		{name: "ro", set: linux.MS_RDONLY},
		{name: "rprivate", propagation: linux.MS_PRIVATE | linux.MS_REC},
		{name: "rrelatime", recClear: atime}, // MOUNT_ATTR_RELATIME is 0
		{name: "rro", recSet: linux.MOUNT_ATTR_RDONLY},
		{name: "rrw", recClear: linux.MOUNT_ATTR_RDONLY},
		{name: "rshared", propagation: linux.MS_SHARED | linux.MS_REC},
		{name: "rslave", propagation: linux.MS_SLAVE | linux.MS_REC},
		{name: "rstrictatime", recSet: linux.MOUNT_ATTR_STRICTATIME, recClear: atime},
		{name: "rsuid", recClear: linux.MOUNT_ATTR_NOSUID},
		{name: "rsymfollow", recClear: linux.MOUNT_ATTR_NOSYMFOLLOW},
		{name: "runbindable", propagation: linux.MS_UNBINDABLE | linux.MS_REC},
		{name: "rw", clear: linux.MS_RDONLY},
		{name: "shared", propagation: linux.MS_SHARED},
		{name: "silent", set: linux.MS_SILENT},
		{name: "slave", propagation: linux.MS_SLAVE},
		{name: "strictatime", set: linux.MS_STRICTATIME, clear: atimes},
		{name: "suid", clear: linux.MS_NOSUID},
		{name: "symfollow", clear: linux.MS_NOSYMFOLLOW},
		{name: "sync", set: linux.MS_SYNCHRONOUS},
		{name: "tmpcopyup", apply: func(m *Mount) { m.CopyUp = true }},
		{name: "unbindable", propagation: linux.MS_UNBINDABLE},
	}
}

// MountOptions returns the names of the options that SetOptions knows, sorted.
func MountOptions() []string {
	options := mountOptions()
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.name
	}
	return names
}

// takenOver are the flags of its source that a bind mount takes over, unless they are in
// FlagsClear.
const takenOver = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC | linux.MS_NOSYMFOLLOW |
	linux.MS_NODIRATIME | linux.MS_NOATIME | linux.MS_RELATIME | linux.MS_STRICTATIME

// SetOptions sets the fields of a mount that options of mount(8) stand for, or of the
// OCI runtime specification: Flags, FlagsClear, PropagationFlags, RecAttrSet,
// RecAttrClear, IDMapping, CopyUp, and Data, which gets all that MountOptions has not
// and that are so the file system's own. What they have held before is overwritten. Of
// options that contradict each other, such as "ro" and "rw", the last one counts. One
// that is taken back, such as "exec" for "noexec", also keeps a bind mount from taking
// the other over from its source.
func (m *Mount) SetOptions(options []string) {
	m.Flags, m.FlagsClear, m.RecAttrSet, m.RecAttrClear = 0, 0, 0, 0
	m.PropagationFlags, m.IDMapping, m.CopyUp = nil, IDMapNone, false
	var data []string
	known := mountOptions()
	for _, option := range options {
		o := findOption(known, option)
		if o == nil {
			data = append(data, option)
			continue
		}
		m.Flags = m.Flags&^o.clear | o.set
		if o.set&takenOver == 0 {
			m.FlagsClear |= o.clear & takenOver
		}
		m.FlagsClear &^= o.set
		if o.propagation != 0 {
			m.PropagationFlags = append(m.PropagationFlags, o.propagation)
		}
		m.RecAttrClear = m.RecAttrClear&^o.recSet | o.recClear
		m.RecAttrSet = m.RecAttrSet&^o.recClear | o.recSet
		if o.apply != nil {
			o.apply(m)
		}
	}
	if !m.IsBind() || m.Flags&linux.MS_REMOUNT != 0 {
		m.FlagsClear = 0 // there is nothing to take over
	}
	m.Data = strings.Join(data, ",")
}

// Options is the way back: options that SetOptions reads as the fields of the mount that it
// sets. Values that no options stand for, such as flags of other uses of mount(2), are not
// told by them.
func (m *Mount) Options() (options []string) {
	known := mountOptions()
	// "rbind" stands for all that "bind" stands for, and one bit more.
	slices.SortStableFunc(known, func(a, b mountOption) int {
		return bits.OnesCount(uint(b.set)) - bits.OnesCount(uint(a.set))
	})
	add := func(value uint64, of func(*mountOption) uint64) {
		for i := range known {
			if want := of(&known[i]); want != 0 && value&want == want {
				options = append(options, known[i].name)
				value &^= want
			}
		}
	}
	// Options that clear come first: those that set have the last word.
	add(uint64(m.FlagsClear), func(o *mountOption) uint64 {
		if o.set != 0 {
			return 0
		}
		return uint64(o.clear)
	})
	add(uint64(m.Flags), func(o *mountOption) uint64 { return uint64(o.set) })
	add(m.RecAttrClear, func(o *mountOption) uint64 {
		if o.recSet != 0 {
			return 0
		}
		return o.recClear
	})
	add(m.RecAttrSet, func(o *mountOption) uint64 { return o.recSet })
	for _, flags := range m.PropagationFlags {
		for i := range known {
			if flags != 0 && known[i].propagation == flags {
				options = append(options, known[i].name)
			}
		}
	}
	for i := range known {
		if known[i].apply == nil {
			continue
		}
		var applied Mount
		known[i].apply(&applied)
		if applied.CopyUp && m.CopyUp || applied.IDMapping != IDMapNone && applied.IDMapping == m.IDMapping {
			options = append(options, known[i].name)
		}
	}
	if m.Data != "" {
		options = append(options, strings.Split(m.Data, ",")...)
	}
	return options
}

func findOption(known []mountOption, name string) *mountOption {
	for i := range known {
		if known[i].name == name {
			return &known[i]
		}
	}
	return nil
}
