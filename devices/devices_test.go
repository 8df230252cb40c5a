package devices

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"golang.org/x/sys/unix"
)

func TestDeviceFromPath(t *testing.T) {
	got, err := DeviceFromPath("/dev/null", "rw")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	want := &configs.Device{Type: 'c', Path: "/dev/null", Major: 1, Minor: 3, Permissions: "rw", FileMode: info.Mode().Perm(), Uid: got.Uid, Gid: got.Gid}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDeviceFromPathRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/null", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		want error
	}{
		{"file", ErrNotADevice},
		{"fifo", ErrNotADevice},
		{"link", ErrNotADevice},
		{".", ErrNotADevice},
		{"missing", fs.ErrNotExist},
	}
	for _, tt := range tests {
		path := filepath.Join(dir, tt.name)
		if _, err := DeviceFromPath(path, "rwm"); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %v with the path", tt.name, err, tt.want)
		}
	}
}

func TestHostDevices(t *testing.T) {
	devices, err := HostDevices()
	if err != nil {
		t.Fatal(err)
	}
	null := false
	for _, d := range devices {
		if strings.HasPrefix(d.Path, "/dev/pts/") || d.Path == "/dev/console" {
			t.Errorf("holds %s", d.Path)
		}
		if d.Permissions != "rwm" {
			t.Errorf("%s has permissions %q", d.Path, d.Permissions)
		}
		null = null || d.Path == "/dev/null" && d.Type == 'c' && d.Major == 1 && d.Minor == 3
	}
	if !null {
		t.Error("/dev/null is missing")
	}
}

// TestWalk has plain files in the place of devices.
func TestWalk(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{
		"null", "console", "log", "gone", "snd/pcm", "snd/deep/seq",
		"pts/0", "shm/x", "fd/1", "mqueue/x", ".lxc/x", ".lxd-mounts/x", ".udev/x", "snd/pts/1",
	} {
		file := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fake := func(path, permissions string) (*configs.Device, error) {
		switch filepath.Base(path) {
		case "log":
			return nil, ErrNotADevice
		case "gone":
			return nil, &fs.PathError{Op: "lstat", Path: path, Err: fs.ErrNotExist}
		}
		return &configs.Device{Path: path, Permissions: permissions}, nil
	}
	devices, err := walk(dir, fake)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range devices {
		got = append(got, strings.TrimPrefix(d.Path, dir+"/")+" "+d.Permissions)
	}
	if want := []string{"null rwm", "snd/deep/seq rwm", "snd/pcm rwm"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWalkErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "null"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	fail := func(string, string) (*configs.Device, error) { return nil, broken }
	if _, err := walk(dir, fail); !errors.Is(err, broken) {
		t.Errorf("got %v, want the error of a node", err)
	}
	if _, err := walk(filepath.Join(dir, "null"), fail); err == nil {
		t.Error("a file is walked as a directory")
	}
	if devices, err := walk(filepath.Join(dir, "gone"), fail); err != nil || devices != nil {
		t.Errorf("a directory that is gone: got %v, %v", devices, err)
	}
}

func TestMajorMinor(t *testing.T) {
	tests := []struct {
		major, minor int64
	}{
		{0, 0}, {1, 3}, {8, 255}, {8, 256}, {259, 0}, {0xfff, 0xfffff}, {0x12345, 0x6789abc}, {0x7fffffff, 0xffffffff},
	}
	for _, tt := range tests {
		dev := (&configs.Device{Major: tt.major, Minor: tt.minor}).Mkdev()
		if major, minor := Major(dev), Minor(dev); major != tt.major || minor != tt.minor {
			t.Errorf("%#x: got %d:%d, want %d:%d", dev, major, minor, tt.major, tt.minor)
		}
	}
	if major, minor := Major(0x103), Minor(0x103); major != 1 || minor != 3 {
		t.Errorf("0x103: got %d:%d, want 1:3", major, minor)
	}
}
