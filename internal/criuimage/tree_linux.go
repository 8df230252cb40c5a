package criuimage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/libcontainer/libcontainer/configs"
)

// The numbers at the beginning of images, of which all but the inventory have the first, as the module go-criu has them in its package magic.
const (
	magicCommon    = 0x54564319
	magicInventory = 0x58313116
	magicPstree    = 0x50273030
	magicIDs       = 0x54432030
)

// The fields of the messages, as the module go-criu has them in crit/images: inventory.proto,
// pstree.proto, criu-core.proto.
const (
	inventoryRootIDs = 3
	pstreePid        = 1
	pstreeParent     = 2
)

// namespaceField has, by type, the field of task_kobj_ids_entry that tells a process's
// namespace from others.
var namespaceField = map[configs.NamespaceType]protowire.Number{
	configs.NEWPID: 5, configs.NEWNET: 6, configs.NEWIPC: 7, configs.NEWUTS: 8,
	configs.NEWNS: 9, configs.NEWUSER: 10, configs.NEWCGROUP: 11, configs.NEWTIME: 12,
}

// Tree are the processes of a folder.
type Tree struct {
	// Processes are all of them, the first first.
	Processes []Process
}

// Process is one process of the images.
type Process struct {
	// Pid and Parent are numbers of the first process's pid namespace.
	Pid, Parent int

	// Own are the types of namespaces of which the process had another one than criu, when
	// it was dumped.
	Own map[configs.NamespaceType]bool
}

// ReadTree reads which processes the images are of.
func (f *Folder) ReadTree() (*Tree, error) {
	inventory, err := f.messages("inventory.img", magicInventory)
	if err != nil {
		return nil, err
	}
	if len(inventory) != 1 {
		return nil, untrusted("%s has %d entries", filepath.Join(f.path, "inventory.img"), len(inventory))
	}
	host, err := namespaceIDs(inventory[0].bytes[inventoryRootIDs])
	if err != nil {
		return nil, untrusted("%s: %w", filepath.Join(f.path, "inventory.img"), err)
	}
	list, err := f.messages("pstree.img", magicCommon, magicPstree)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, untrusted("%s names no process", filepath.Join(f.path, "pstree.img"))
	}
	tree := new(Tree)
	for _, entry := range list {
		p := Process{Pid: int(int32(entry.numbers[pstreePid])), Parent: int(int32(entry.numbers[pstreeParent]))}
		ids, err := f.idsOf(p.Pid)
		if err != nil {
			return nil, err
		}
		if ids == nil {
			continue // a zombie has none
		}
		p.Own = make(map[configs.NamespaceType]bool)
		for t, field := range namespaceField {
			p.Own[t] = ids[field] != 0 && ids[field] != host[field]
		}
		tree.Processes = append(tree.Processes, p)
	}
	if len(tree.Processes) == 0 || tree.Processes[0].Pid != int(int32(list[0].numbers[pstreePid])) {
		return nil, untrusted("%s: the first process has no namespaces", f.path)
	}
	return tree, nil
}

// idsOf reads what a process shares with others, nil if that is not known.
func (f *Folder) idsOf(pid int) (map[protowire.Number]uint64, error) {
	name := "ids-" + strconv.Itoa(pid) + ".img"
	list, err := f.messages(name, magicCommon, magicIDs)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	if len(list) != 1 {
		return nil, untrusted("%s has %d entries", filepath.Join(f.path, name), len(list))
	}
	return list[0].numbers, nil
}

func namespaceIDs(data []byte) (map[protowire.Number]uint64, error) {
	m, err := decodeMessage(data)
	if err != nil {
		return nil, err
	}
	return m.numbers, nil
}

// message is a decoded message of protocol buffers: its last number, and its last string, of each field.
type message struct {
	numbers map[protowire.Number]uint64
	bytes   map[protowire.Number][]byte
}

// messages reads an image: numbers that say what it is, and then messages, each behind its
// size (https://criu.org/Images).
func (f *Folder) messages(name string, magic ...uint32) ([]message, error) {
	data, err := f.read(name, maxImage)
	if err != nil {
		return nil, err
	}
	list, err := decodeImage(data, magic...)
	if err != nil {
		return nil, untrusted("%s: %w", filepath.Join(f.path, name), err)
	}
	return list, nil
}

func decodeImage(data []byte, magic ...uint32) (list []message, err error) {
	entries, err := splitImage(data, magic...)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		m, err := decodeMessage(entry)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// splitImage gives the encoded messages of an image.
func splitImage(data []byte, magic ...uint32) (list [][]byte, err error) {
	for _, want := range magic {
		if len(data) < 4 {
			return nil, fmt.Errorf("it is truncated")
		}
		if got := binary.LittleEndian.Uint32(data); got != want {
			return nil, fmt.Errorf("it begins with %#x instead of %#x", got, want)
		}
		data = data[4:]
	}
	for len(data) > 0 {
		if len(data) < 4 {
			return nil, fmt.Errorf("it is truncated")
		}
		size := binary.LittleEndian.Uint32(data)
		data = data[4:]
		if uint64(size) > uint64(len(data)) {
			return nil, fmt.Errorf("it is truncated: an entry of %d bytes has %d", size, len(data))
		}
		list = append(list, data[:size])
		data = data[size:]
	}
	return list, nil
}

func decodeMessage(data []byte) (message, error) {
	m := message{make(map[protowire.Number]uint64), make(map[protowire.Number][]byte)}
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return m, fmt.Errorf("malformed entry: %w", protowire.ParseError(n))
		}
		data = data[n:]
		switch kind {
		case protowire.VarintType:
			m.numbers[field], n = protowire.ConsumeVarint(data)
		case protowire.BytesType:
			m.bytes[field], n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(field, kind, data)
		}
		if n < 0 {
			return m, fmt.Errorf("malformed entry: %w", protowire.ParseError(n))
		}
		data = data[n:]
	}
	return m, nil
}
