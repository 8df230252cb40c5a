package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
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
		if got := sysctlPath(key); got != want {
			t.Errorf("%q is %q, want %q", key, got, want)
		}
	}
}

// What sets others comes before them, whichever form the keys have.
func TestSortedSysctls(t *testing.T) {
	want := []string{
		"net.ipv4.ip_forward",
		"net.ipv4.conf.all.forwarding", "net/ipv6/conf/all/forwarding",
		"net.ipv4.conf.default.forwarding", "net/ipv4/conf/default/rp_filter",
		"kernel.domainname", "net.core.somaxconn", "net.ipv4.conf.a/all.forwarding", "net.ipv4.ip_forward_use_pmtu", "net/ipv4/conf/eth0/forwarding",
	}
	sysctls := make(map[string]string)
	for _, key := range want {
		sysctls[key] = "1"
	}
	for range 10 { // maps have an order of their own each time
		if got := sortedSysctls(sysctls); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := sortedSysctls(map[string]string{"net/ipv4/ip_forward": "0", "fs.mqueue.msg_max": "1"}); got[0] != "net/ipv4/ip_forward" {
		t.Errorf("got %q", got)
	}
	if got := sortedSysctls(nil); len(got) != 0 {
		t.Errorf("of none: %q", got)
	}
}

// fakeProc stands for a procfs; beside it is a file that is not to be written.
func fakeProc(t *testing.T) (dir string, proc *os.File) {
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
	return dir, openPlace(t, dir+"/proc")
}

func TestReleaseAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"6.14.0": true, "6.14-rc1": true, "6.18.9-cloud": true, "7.0": true, "6.13.12": false, "5.15.0-92-generic": false, "": false, "x": false,
	} {
		if got := releaseAtLeast(release, 6, 14); got != want {
			t.Errorf("%q: %t", release, got)
		}
	}
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
			var refused error
			err := runScript(t, []*os.File{proc}, func(s *script, _ *initPlan, regs []program.Reg) {
				refused = s.writeSysctl(regs[0], tt.key, "value")
			})
			if err = errors.Join(refused, err); !errors.Is(err, tt.err) || err != nil && !strings.Contains(err.Error(), tt.key) {
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
		got := sysctlPath(key)
		// Only separators are changed, and a path stays as it is.
		drop := strings.NewReplacer(".", "", "/", "")
		if drop.Replace(got) != drop.Replace(key) || len(got) != len(key) {
			t.Errorf("%q became %q", key, got)
		}
		if i := strings.IndexAny(got, "./"); i >= 0 && got[i] == '/' && sysctlPath(got) != got {
			t.Errorf("%q became %q and then %q", key, got, sysctlPath(got))
		}
	})
}
