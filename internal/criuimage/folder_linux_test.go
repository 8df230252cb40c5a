package criuimage

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/libcontainer/libcontainer/configs"
)

var owner = []int{os.Geteuid()}

// image encodes numbers and messages as criu does.
func image(magic []uint32, messages ...[]byte) []byte {
	var out []byte
	for _, m := range magic {
		out = binary.LittleEndian.AppendUint32(out, m)
	}
	for _, m := range messages {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(m)))
		out = append(out, m...)
	}
	return out
}

func number(out []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), value)
}

// ids encodes task_kobj_ids_entry with one id for all namespaces.
func ids(id uint64) (out []byte) {
	for _, field := range namespaceField {
		out = number(out, field, id)
	}
	return out
}

func inventory(id uint64) []byte {
	entry := protowire.AppendTag(number(nil, 1, 2), inventoryRootIDs, protowire.BytesType)
	return image([]uint32{magicInventory}, protowire.AppendBytes(entry, ids(id)))
}

// newImages makes a folder with images of one process, and opens it.
func newImages(t *testing.T) (*Folder, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "images")
	f, err := OpenEmpty(dir, os.Geteuid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	for name, data := range map[string][]byte{
		"inventory.img": inventory(1),
		"pstree.img":    image([]uint32{magicCommon, magicPstree}, number(number(nil, pstreePid, 1), pstreeParent, 0)),
		"ids-1.img":     image([]uint32{magicCommon, magicIDs}, ids(2)),
		"pages-1.img":   []byte("memory"),
		"dump.log":      []byte("log"),
	} {
		write(t, dir, name, data)
	}
	return f, dir
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func complete(t *testing.T, f *Folder, key []byte) {
	t.Helper()
	if err := f.Write(&Manifest{Record: []byte(`{"a":1}`)}, key); err != nil {
		t.Fatal(err)
	}
}

func TestFolder(t *testing.T) {
	f, dir := newImages(t)
	complete(t, f, nil)
	if err := f.Check(owner); err != nil {
		t.Error(err)
	}
	m, err := f.Verify(nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Record) != `{"a":1}` || len(m.Files) != 4 || m.Files["pages-1.img"].Size != 6 {
		t.Errorf("the manifest is %+v", m)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the folder: %v, error %v", info.Mode(), err)
	}
	if size, err := f.Size("pages-"); err != nil || size != 6 {
		t.Errorf("pages have %d bytes, error %v", size, err)
	}
	tree, err := f.ReadTree()
	if err != nil || len(tree.Processes) != 1 || tree.Processes[0].Pid != 1 || !tree.Processes[0].Own[configs.NEWNET] {
		t.Errorf("the tree is %+v, error %v", tree, err)
	}
	if _, err := OpenEmpty(dir, os.Geteuid()); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("a folder with images is taken for new ones: %v", err)
	}
}

// What somebody else may have put there is refused, whatever it is.
func TestUntrustedFolder(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string) error
		text  string
	}{
		"writable folder": {func(_ *testing.T, dir string) error { return os.Chmod(dir, 0o770) }, "may write it"},
		"writable file": {func(_ *testing.T, dir string) error { return os.Chmod(filepath.Join(dir, "ids-1.img"), 0o664) },
			"ids-1.img has mode 0664"},
		"fifo": {func(_ *testing.T, dir string) error { return unix.Mkfifo(filepath.Join(dir, "core-1.img"), 0o600) },
			"core-1.img is no regular file but a fifo"},
		"link": {func(_ *testing.T, dir string) error {
			return os.Symlink("/etc/passwd", filepath.Join(dir, "core-1.img"))
		},
			"symbolic link"},
		"directory": {func(_ *testing.T, dir string) error { return os.Mkdir(filepath.Join(dir, "core-1.img"), 0o700) }, "directory"},
		"socket": {func(_ *testing.T, dir string) error {
			return unix.Mknod(filepath.Join(dir, "core-1.img"), unix.S_IFSOCK|0o600, 0)
		}, "socket"},
		"hard link": {func(_ *testing.T, dir string) error {
			return os.Link(filepath.Join(dir, "pages-1.img"), filepath.Join(dir, "pages-2.img"))
		}, "2 names"},
		"parent that is absolute": {func(_ *testing.T, dir string) error { return os.Symlink("/tmp", filepath.Join(dir, "parent")) },
			"no relative path"},
		"parent that leads back": {func(_ *testing.T, dir string) error { return os.Symlink(".", filepath.Join(dir, "parent")) },
			"lead back"},
		"parent with a fifo": {func(t *testing.T, dir string) error {
			before := filepath.Join(filepath.Dir(dir), "before")
			if err := os.Mkdir(before, 0o700); err != nil {
				return err
			}
			if err := unix.Mkfifo(filepath.Join(before, "core-1.img"), 0o600); err != nil {
				return err
			}
			return os.Symlink("../before", filepath.Join(dir, "parent"))
		}, "fifo"},
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := newImages(t)
			complete(t, f, nil)
			if err := c.spoil(t, dir); err != nil {
				t.Fatal(err)
			}
			err := f.Check(owner)
			if !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want one that says %q", err, c.text)
			}
		})
	}
	f, _ := newImages(t)
	if err := f.Check([]int{os.Geteuid() + 1}); !errors.Is(err, ErrUntrusted) {
		t.Errorf("another owner: %v", err)
	}
}

// What is not as it was when it was written is refused.
func TestChangedImages(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, f *Folder, dir string) error
		text   string
	}{
		"changed": {func(t *testing.T, _ *Folder, dir string) error {
			write(t, dir, "pages-1.img", []byte("memorz"))
			return nil
		},
			"has been changed"},
		"truncated": {func(_ *testing.T, _ *Folder, dir string) error {
			return os.Truncate(filepath.Join(dir, "ids-1.img"), 9)
		},
			"has 9 bytes"},
		"missing": {func(_ *testing.T, _ *Folder, dir string) error { return os.Remove(filepath.Join(dir, "ids-1.img")) },
			"is missing"},
		"added": {func(t *testing.T, _ *Folder, dir string) error { write(t, dir, "core-2.img", nil); return nil },
			"not in the manifest"},
		"no manifest": {func(_ *testing.T, _ *Folder, dir string) error { return os.Remove(filepath.Join(dir, ManifestName)) },
			"not written by a checkpoint that has been completed"},
		"broken manifest": {func(t *testing.T, _ *Folder, dir string) error { write(t, dir, ManifestName, []byte("{")); return nil },
			"decode"},
		"no such version": {func(t *testing.T, _ *Folder, dir string) error {
			write(t, dir, ManifestName, []byte(`{"manifest":{"version":99}}`))
			return nil
		}, "format 99"},
		"parent that is gone": {func(_ *testing.T, _ *Folder, dir string) error {
			return os.Symlink("../nothing", filepath.Join(dir, "parent"))
		}, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := newImages(t)
			complete(t, f, nil)
			if err := c.change(t, f, dir); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Verify(nil); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want one that says %q", err, c.text)
			}
		})
	}
}

// What is left of a dump that has failed is its log, and another one can use the folder.
func TestDiscard(t *testing.T) {
	f, dir := newImages(t)
	if err := os.Symlink("../before", filepath.Join(dir, "parent")); err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "dump.log" {
		t.Errorf("left: %v, error %v", entries, err)
	}
	again, err := OpenEmpty(dir, os.Geteuid())
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	// Without a log not even the folder.
	dir = filepath.Join(t.TempDir(), "images")
	if f, err = OpenEmpty(dir, os.Geteuid()); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, dir, "pages-1.img", nil)
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}

// With a key only who has it can have written the images.
func TestKey(t *testing.T) {
	for name, c := range map[string]struct {
		written, read string
		text          string // "" if they are good
	}{
		"right key":       {"secret", "secret", ""},
		"wrong key":       {"secret", "public", "not written with this key"},
		"none written":    {"", "secret", "written without a key"},
		"none given":      {"secret", "", "none is given"},
		"neither of both": {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := newImages(t)
			complete(t, f, []byte(c.written))
			_, err := f.Verify([]byte(c.read))
			if (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want %q", err, c.text)
			}
		})
	}
	// Not even an image and its digest can be exchanged together.
	f, dir := newImages(t)
	complete(t, f, []byte("secret"))
	other, from := newImages(t)
	write(t, from, "pages-1.img", []byte("others"))
	complete(t, other, []byte("other"))
	for _, name := range []string{"pages-1.img", ManifestName} {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Verify([]byte("secret")); !errors.Is(err, ErrUntrusted) {
		t.Errorf("exchanged images: %v", err)
	}
}

// The images of a pre-dump belong to those after it.
func TestParent(t *testing.T) {
	root := t.TempDir()
	var folders []*Folder
	for i, name := range []string{"one", "two", "three"} {
		f, err := OpenEmpty(filepath.Join(root, name), os.Geteuid())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		write(t, f.Path(), "pages-1.img", []byte(name))
		if i > 0 {
			if err := os.Symlink("../"+filepath.Base(folders[i-1].Path()), filepath.Join(f.Path(), "parent")); err != nil {
				t.Fatal(err)
			}
		}
		complete(t, f, []byte("key"))
		folders = append(folders, f)
	}
	last := folders[2]
	if err := last.Check(owner); err != nil {
		t.Error(err)
	}
	if _, err := last.Verify([]byte("key")); err != nil {
		t.Error(err)
	}
	write(t, folders[0].Path(), "pages-1.img", []byte("eno"))
	if _, err := last.Verify([]byte("key")); !errors.Is(err, ErrUntrusted) {
		t.Errorf("the first pre-dump has been changed: %v", err)
	}
	if err := os.Remove(filepath.Join(last.Path(), "parent")); err != nil {
		t.Fatal(err)
	}
	if _, err := last.Verify([]byte("key")); !errors.Is(err, ErrUntrusted) {
		t.Errorf("the link to the pre-dump is gone: %v", err)
	}
}

func TestReadTree(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		data []byte
		text string
	}{
		"empty inventory":    {"inventory.img", nil, "truncated"},
		"wrong magic":        {"inventory.img", image([]uint32{magicPstree}), "begins with"},
		"no entry":           {"inventory.img", image([]uint32{magicInventory}), "0 entries"},
		"no process":         {"pstree.img", image([]uint32{magicCommon, magicPstree}), "names no process"},
		"truncated entry":    {"pstree.img", append(image([]uint32{magicCommon, magicPstree}), 9, 0, 0, 0, 1), "truncated"},
		"malformed entry":    {"pstree.img", image([]uint32{magicCommon, magicPstree}, []byte{0xff}), "malformed"},
		"a size without end": {"pstree.img", append(image([]uint32{magicCommon, magicPstree}), 0xff, 0xff, 0xff, 0xff), "truncated"},
		"no ids":             {"ids-1.img", image([]uint32{magicCommon, magicIDs}), "0 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := newImages(t)
			write(t, dir, c.file, c.data)
			if _, err := f.ReadTree(); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want one that says %q", err, c.text)
			}
		})
	}
	// A process that was in the namespaces in which criu was, as those of the host are.
	f, dir := newImages(t)
	write(t, dir, "ids-1.img", image([]uint32{magicCommon, magicIDs}, ids(1)))
	tree, err := f.ReadTree()
	if err != nil || tree.Processes[0].Own[configs.NEWPID] {
		t.Errorf("the tree is %+v, error %v", tree, err)
	}
}

func FuzzDecodeImage(f *testing.F) {
	f.Add(inventory(1))
	f.Add(image([]uint32{magicCommon, magicPstree}, number(nil, pstreePid, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := decodeImage(data, magicCommon, magicPstree)
		if err != nil && list != nil {
			t.Errorf("both %v and %v", list, err)
		}
	})
}
