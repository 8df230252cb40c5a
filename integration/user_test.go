//world:any

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
)

func appendFile(t *testing.T, name, text string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	// A new file: the old one may be a hard link to that of other tests.
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(data, text...), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUsers(t *testing.T) {
	config := newConfig(t)
	appendFile(t, filepath.Join(config.Rootfs, "etc/passwd"), "1:x:4242:4242:a name that is a number:/:/bin/sh\nlong:x:70000:7:::\n")
	appendFile(t, filepath.Join(config.Rootfs, "etc/group"), "extra:x:77:daemon,other\nmore:x:78:other\n")
	for _, tt := range []struct{ user, want string }{
		{"", "0 0 0"},
		{"root", "0 0 0"},
		{"daemon", "1 1 1,77"},
		{"daemon:more", "1 78 78"},
		{"daemon:5", "1 5 5"},
		{"1", "1 1 1,77"}, // not the user whose name is 1
		{"4242", "4242 4242 4242"},
		{"12345", "12345 0 0"},
		{"12345:6789", "12345 6789 6789"},
		{"0:tty", "0 5 5"},
		{"long", "70000 7 7"},
	} {
		t.Run("user "+tt.user, func(t *testing.T) {
			p, out := shell("echo $(id -u) $(id -g) $(id -G | tr ' ' ,)")
			p.User = tt.user
			if got := runProcess(t, config, p, out); got != tt.want {
				t.Errorf("inside %q, want %q", got, tt.want)
			}
		})
	}
	for _, bad := range []string{"nosuch", "root:nosuch", "-1", "99999999999"} {
		t.Run("bad "+bad, func(t *testing.T) {
			p, _ := shell("true")
			p.User = bad
			startFails(t, config, p, libcontainer.ConfigInvalid, bad)
		})
	}
}

func TestAdditionalGroups(t *testing.T) {
	config := newConfig(t)
	config.AdditionalGroups = []string{"tty", "123"}
	p, out := shell("id -G")
	p.User, p.AdditionalGroups = "daemon", []string{"nogroup", "5"}
	if got := runProcess(t, config, p, out); got != "1 5 123 65534" {
		t.Errorf("groups %q", got)
	}
	p, _ = shell("true")
	p.AdditionalGroups = []string{"nosuch"}
	startFails(t, config, p, libcontainer.ConfigInvalid, "nosuch")
}

func TestNoGroupsOfTheHost(t *testing.T) {
	p, out := shell("grep ^Groups: /proc/self/status")
	p.User = "5000:5000"
	if got := strings.Fields(runProcess(t, newConfig(t), p, out)); len(got) != 1 {
		t.Errorf("supplementary groups %q", got)
	}
}

func TestWithoutPasswd(t *testing.T) {
	config := newConfig(t)
	for _, name := range []string{"passwd", "group"} {
		if err := os.Remove(filepath.Join(config.Rootfs, "etc", name)); err != nil {
			t.Fatal(err)
		}
	}
	p, out := shell("echo $(id -u) $HOME")
	p.User = "7:8"
	if got := runProcess(t, config, p, out); got != "7 /" {
		t.Errorf("inside %q", got)
	}
	p, _ = shell("true")
	p.User = "daemon"
	startFails(t, config, p, libcontainer.ConfigInvalid, "daemon")
}
