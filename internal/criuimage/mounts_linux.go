package criuimage

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/libcontainer/libcontainer/configs"
)

const magicMounts = 0x55563928

// The fields of mnt_entry in mnt.proto.
const (
	mountRoot   = 6
	mountPoint  = 7
	mountPeers  = 10 // the peer group, shared_id
	mountMaster = 11 // the peer group that it is a slave of, master_id
	mountKey    = 18 // of an external mount
)

// mountsImage is the image of the mounts of one mount namespace.
type mountsImage struct {
	name   string
	mounts []*mount
	edited bool
}

// mount is one of them.
type mount struct {
	raw  []byte
	root string // what of its file system is mounted

	peers, master uint64
	given         bool // its source is given to criu at the restore
}

// DivideHostGroups makes mounts restorable that are in peer groups of the host's, or slaves of such. Criu takes
// the mounts of one group together: it gives the first one of them the group of a source, and the others that of
// the first. The kernel lets a mount take its group only from one that has at least the same of the file system
// mounted (MOVE_MOUNT_SET_GROUP in move_mount(2)), so that two volumes from one file system, or a volume and
// the root file system, are refused. Here each such part of a file system becomes a group of its own, for
// which criu has a source of its own. At the restore no number matters of what is the host's.
func (f *Folder) DivideHostGroups(groups map[int]bool) error {
	images, err := f.mountsImages()
	if err != nil {
		return err
	}
	divideHostGroups(images, groups)
	for _, image := range images {
		if !image.edited {
			continue
		}
		if err := f.overwrite(image.name, image.encode()); err != nil {
			return fmt.Errorf("divide the peer groups of the host's mounts: %w", err)
		}
	}
	return nil
}

// mountsImages reads the mounts of all namespaces.
func (f *Folder) mountsImages() (images []*mountsImage, err error) {
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	first, err := f.firstMounts()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "mountpoints-") {
			continue
		}
		data, err := f.read(name, maxImage)
		if err != nil {
			return nil, err
		}
		entries, err := splitImage(data, magicCommon, magicMounts)
		if err != nil {
			return nil, untrusted("%s: %w", filepath.Join(f.path, name), err)
		}
		image := &mountsImage{name: name}
		for _, raw := range entries {
			m, err := decodeMount(raw, name == first)
			if err != nil {
				return nil, untrusted("%s: %w", filepath.Join(f.path, name), err)
			}
			image.mounts = append(image.mounts, m)
		}
		images = append(images, image)
	}
	return images, nil
}

// firstMounts names the image of the first process's mounts, whose root is given to criu.
func (f *Folder) firstMounts() (string, error) {
	list, err := f.messages("pstree.img", magicCommon, magicPstree)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", untrusted("%s names no process", filepath.Join(f.path, "pstree.img"))
	}
	ids, err := f.idsOf(int(int32(list[0].numbers[pstreePid])))
	if err != nil {
		return "", err
	}
	return "mountpoints-" + strconv.FormatUint(ids[namespaceField[configs.NEWNS]], 10) + ".img", nil
}

func decodeMount(raw []byte, first bool) (*mount, error) {
	m, err := decodeMessage(raw)
	if err != nil {
		return nil, err
	}
	root := filepath.Clean("/"+string(m.bytes[mountPoint])) == "/"
	return &mount{
		raw: raw, root: string(m.bytes[mountRoot]),
		peers: m.numbers[mountPeers], master: m.numbers[mountMaster],
		given: len(m.bytes[mountKey]) > 0 || root && first,
	}, nil
}

// membership is how a mount is in a peer group of the host's, or a slave of one.
type membership struct {
	group uint64
	slave bool
	own   uint64 // the peer group in the container that a slave is in, too
}

func (m *mount) membershipOf(groups map[int]bool) (of membership, ok bool) {
	switch {
	case groups[int(m.peers)]:
		return membership{group: m.peers}, true
	case groups[int(m.master)]:
		return membership{group: m.master, slave: true, own: m.peers}, true
	}
	return membership{}, false
}

// hostPart is a part of a file system that is mounted in one way.
type hostPart struct {
	membership
	root string
}

func divideHostGroups(images []*mountsImage, groups map[int]bool) {
	next := uint64(1) // a number that no group has
	for group := range groups {
		next = max(next, uint64(group)+1)
	}
	given := make(map[membership][]string)
	for _, image := range images {
		for _, m := range image.mounts {
			next = max(next, m.peers+1, m.master+1)
			of, ok := m.membershipOf(groups)
			if ok && m.given && !slices.Contains(given[of], m.root) {
				given[of] = append(given[of], m.root)
			}
		}
	}
	numbers := make(map[hostPart]uint64)
	for _, image := range images {
		for _, m := range image.mounts {
			of, ok := m.membershipOf(groups)
			if !ok || len(given[of]) == 0 {
				continue
			}
			part := hostPart{of, given[of][0]} // a group of the container's has one master
			if of.own == 0 {
				part.root = narrowest(given[of], m.root)
			}
			if part.root == "" {
				continue
			}
			if numbers[part] == 0 {
				numbers[part] = next
				next++
			}
			m.setGroup(of.slave, numbers[part])
			image.edited = true
		}
	}
}

func (m *mount) setGroup(slave bool, number uint64) {
	if slave {
		m.raw = setNumber(m.raw, mountMaster, number)
		return
	}
	// What the host's group is a slave of is not the container's.
	m.raw = setNumber(setNumber(m.raw, mountMaster, 0), mountPeers, number)
}

// narrowest gives the part of a file system that holds a directory or file, and as little else as may be.
func narrowest(parts []string, name string) (out string) {
	for _, part := range parts {
		holds := part == name || part == "/" || strings.HasPrefix(name, part+"/")
		if holds && len(part) > len(out) {
			out = part
		}
	}
	return out
}

func (image *mountsImage) encode() []byte {
	var out []byte
	for _, magic := range []uint32{magicCommon, magicMounts} {
		out = binary.LittleEndian.AppendUint32(out, magic)
	}
	for _, m := range image.mounts {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(m.raw)))
		out = append(out, m.raw...)
	}
	return out
}

// setNumber gives a field of a valid message another number.
func setNumber(message []byte, field protowire.Number, value uint64) (out []byte) {
	for len(message) > 0 {
		got, kind, n := protowire.ConsumeTag(message)
		n += protowire.ConsumeFieldValue(got, kind, message[n:])
		if got == field {
			out = protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), value)
		} else {
			out = append(out, message[:n]...)
		}
		message = message[n:]
	}
	return out
}

// overwrite gives an image that has just been made another content.
func (f *Folder) overwrite(name string, data []byte) error {
	if err := unix.Unlinkat(int(f.dir.Fd()), name, 0); err != nil {
		return fmt.Errorf("remove %s: %w", filepath.Join(f.path, name), err)
	}
	return f.create(name, data)
}
