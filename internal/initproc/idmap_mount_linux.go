// The container's side: attributes of mounts beyond those of mount(2): id
// mappings, and attributes of whole trees.

package initproc

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// mapIDs makes a bind mount that is attached nowhere yet an idmapped one, if it
// is to be.
func (r *Rootfs) mapIDs(m *configs.Mount, tree int) error {
	if m.IDMapping == configs.IDMapNone {
		return nil
	}
	return r.MapIDs(slices.Index(r.Config.Mounts, m), tree)
}

// askToMap passes a mount to the host, which maps it in place: init itself has no
// privileges over the file system if it is in a user namespace, and no other user
// namespace at hand if it is not. The host reports a failure to its caller and
// ends us.
func askToMap(p pipe, index, tree int) error {
	if err := WriteFrame(p, KindMapMount, binary.NativeEndian.AppendUint32(nil, uint32(index))); err != nil {
		return fmt.Errorf("ask the host to map ids: %w", err)
	}
	if err := p.sendFile(tree); err != nil {
		return fmt.Errorf("pass mount to the host: %w", err)
	}
	return waitGo(p)
}

// setRecAttrs sets and clears the attributes that go for a whole tree.
func setRecAttrs(m *configs.Mount, mount int) error {
	attr := unix.MountAttr{Attr_set: m.RecAttrSet, Attr_clr: m.RecAttrClear}
	if attr == (unix.MountAttr{}) {
		return nil
	}
	if err := setAttr(mount, &attr, true); err != nil {
		return fmt.Errorf("attributes of the whole tree (set %#x, clear %#x): %w", m.RecAttrSet, m.RecAttrClear, err)
	}
	return nil
}
