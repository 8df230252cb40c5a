package initproc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

func TestSysctlPath(t *testing.T) {
	for key, want := range map[string]string{
		"net.ipv4.ip_forward":                "net/ipv4/ip_forward",
		"net/ipv4/ip_forward":                "net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/100.forwarding":  "net/ipv4/conf/eth0.100/forwarding",
		"net/ipv4/conf/eth0.100/forwarding":  "net/ipv4/conf/eth0.100/forwarding",
		"kernel":                             "kernel",
		"":                                   "",
		"kernel...x":                         "kernel///x",
		"kernel.//.//.x":                     "kernel/../../x",
		"net/ipv4/conf/eth0.100.forwarding/": "net/ipv4/conf/eth0.100.forwarding/",
	} {
		if got := SysctlPath(key); got != want {
			t.Errorf("%q is %q, want %q", key, got, want)
		}
	}
}

// proc stands for a procfs; beside it is a file that is not to be written.
func fakeProc(t *testing.T) (dir string, fd int) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"proc/sys/net/x", "proc/sys/net/eth0.1", "proc/secret", "secret"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../secret", dir+"/proc/sys/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("net", dir+"/proc/sys/dir"); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(dir+"/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return dir, fd
}

func TestWriteSysctl(t *testing.T) {
	for _, tt := range []struct {
		key, file string
		err       error
	}{
		{"net.x", "proc/sys/net/x", nil},
		{"net/eth0.1", "proc/sys/net/eth0.1", nil},
		{"net.eth0/1", "proc/sys/net/eth0.1", nil},
		{"net.y", "", unix.ENOENT},
		{"link", "", unix.ELOOP},
		{"dir.x", "", unix.ELOOP},
		{"net", "", unix.EISDIR},
		{"../secret", "", unix.EINVAL},
		{"net.//.//.//.secret", "", unix.EINVAL},
		{"net/./x", "", unix.EINVAL},
		{"/net/x", "", unix.EINVAL},
		{"net..x", "", unix.EINVAL},
		{"", "", unix.EINVAL},
	} {
		t.Run(tt.key, func(t *testing.T) {
			dir, proc := fakeProc(t)
			if err := writeSysctl(proc, tt.key, "value"); !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			for _, name := range []string{"proc/sys/net/x", "proc/sys/net/eth0.1", "proc/secret", "secret"} {
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				if written := len(data) > 0; written != (name == tt.file) {
					t.Errorf("%s has %q", name, data)
				}
			}
		})
	}
}

func FuzzSysctlPath(f *testing.F) {
	f.Add("net.ipv4.ip_forward")
	f.Add("a/b.c")
	f.Fuzz(func(t *testing.T, key string) {
		if !utf8.ValidString(key) {
			return // the kernel has no such names
		}
		got := SysctlPath(key)
		// Only separators are changed, and a path stays as it is.
		drop := strings.NewReplacer(".", "", "/", "")
		if drop.Replace(got) != drop.Replace(key) || len(got) != len(key) {
			t.Errorf("%q became %q", key, got)
		}
		if i := strings.IndexAny(got, "./"); i >= 0 && got[i] == '/' && SysctlPath(got) != got {
			t.Errorf("%q became %q and then %q", key, got, SysctlPath(got))
		}
	})
}
