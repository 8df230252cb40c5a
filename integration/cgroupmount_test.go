package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// withCgroupMount gives the configuration what the host has at /sys/fs/cgroup.
func withCgroupMount(config *configs.Config, flags int) {
	addMount(config, configs.Mount{
		Source: "cgroup", Destination: "/sys/fs/cgroup", Device: "cgroup",
		Flags: unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV | flags,
	})
	config.Cgroups.PidsLimit = 123
	config.Cgroups.Memory = 64 << 20
}

// hierarchies gives the host's hierarchies. Their mount points are below
// /sys/fs/cgroup, or that itself on a host with cgroup v2 alone.
func hierarchies(t *testing.T) []cgroups.Hierarchy {
	t.Helper()
	snapshot, err := cgroups.CurrentSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	list := snapshot.Hierarchies()
	if len(list) == 0 {
		t.Fatal("the host has no cgroups")
	}
	return list
}

// layout gives what is to be seen in /sys/fs/cgroup: a directory for each v1
// hierarchy and, if its name has several controllers, links for each.
func layout(t *testing.T) (names []string) {
	t.Helper()
	for _, h := range hierarchies(t) {
		if h.Mountpoint == "/sys/fs/cgroup" {
			return nil
		}
		base := filepath.Base(h.Mountpoint)
		names = append(names, base+"/")
		for _, key := range h.Keys {
			if key != base && key != "" && !strings.HasPrefix(key, "name=") {
				names = append(names, key+"@")
			}
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.TrimRight(a, "/@"), strings.TrimRight(b, "/@")) })
	return names
}

// cgroupFile gives the path inside of a file that v1 and v2 may name differently.
func cgroupFile(t *testing.T, controller, v1, v2 string) string {
	t.Helper()
	for _, h := range hierarchies(t) {
		if slices.Contains(h.Keys, controller) {
			return "/sys/fs/cgroup/" + controller + "/" + v1
		}
	}
	for _, h := range hierarchies(t) {
		if slices.Contains(h.Keys, "") {
			return h.Mountpoint + "/" + v2
		}
	}
	t.Fatalf("the host has no %s controller", controller)
	return ""
}

func TestCgroupMount(t *testing.T) {
	for _, tt := range []struct {
		name             string
		readonly, ns, un bool
	}{
		{"ro", true, true, false},
		{"rw", false, true, false},
		{"ro, the host's cgroup namespace", true, false, false},
		{"rw, the host's cgroup namespace", false, false, false},
		{"ro, user namespace", true, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := newConfig(t)
			flags := 0
			if tt.readonly {
				flags = unix.MS_RDONLY
			}
			withCgroupMount(config, flags)
			if !tt.ns {
				config.Namespaces.Remove(configs.NEWCGROUP)
			}
			if tt.un {
				withUserNS(t, config, 100000)
			}
			names := layout(t)
			if names != nil {
				wantOutput(t, runShell(t, config, `ls -F /sys/fs/cgroup`), strings.Join(names, "\n"))
			}
			testCgroupView(t, config, tt.readonly, tt.ns && keepsLimits(t))
		})
	}
}

// keepsLimits tells whether the kernel lets nobody in a cgroup namespace change the
// limits of its root (the mount option nsdelegate of cgroup v2).
func keepsLimits(t *testing.T) bool {
	return unifiedOnly(t) && slices.ContainsFunc(lines(t, "/proc/self/mountinfo"), func(line string) bool {
		return strings.Contains(line, " - cgroup2 ") && strings.Contains(line, "nsdelegate")
	})
}

// testCgroupView looks at the hierarchies from inside. With kept a limit is not to be
// changed there.
func testCgroupView(t *testing.T, config *configs.Config, readonly, kept bool) {
	pids := cgroupFile(t, "pids", "pids.max", "pids.max")
	memory := cgroupFile(t, "memory", "memory.limit_in_bytes", "memory.max")
	procs := filepath.Dir(pids) + "/cgroup.procs"
	script := fmt.Sprintf(`cat %s %s; grep -x -c $$ %s
		(echo 100 >%s) 2>&1 | sed 's/.*: //'; cat %s
		(mkdir %s/sub && rmdir %s/sub && echo made) 2>&1 | sed 's/.*: //'
		(mkdir /sys/fs/cgroup/new && rmdir /sys/fs/cgroup/new && echo made) 2>&1 | sed 's/.*: //'`,
		pids, memory, procs, pids, pids, filepath.Dir(pids), filepath.Dir(pids))
	want := "123\n67108864\n1\n100\nmade\nmade"
	switch {
	case kept && !readonly:
		want = "123\n67108864\n1\nOperation not permitted\n123\nmade\nmade"
	case readonly:
		const refused = "Read-only file system"
		want = fmt.Sprintf("123\n67108864\n1\n%s\n123\n%s\n%s", refused, refused, refused)
	}
	wantOutput(t, runShell(t, config, script), want)
}

// In every hierarchy that is mounted the container's own cgroup is the root: no
// other is to be seen, and the namespace's view in /proc agrees with it.
func TestCgroupMountShowsOwnOnly(t *testing.T) {
	config := newConfig(t)
	withCgroupMount(config, unix.MS_RDONLY)
	got := runShell(t, config, `
		find -L /sys/fs/cgroup -maxdepth 3 -name 'c-*' -o -maxdepth 3 -name 'lctest*'
		cut -d: -f3 /proc/self/cgroup | sort -u
		awk '$0 ~ / - cgroup/ {print $4}' /proc/self/mountinfo | sort -u`)
	wantOutput(t, got, "/\n/")
}

func TestCgroupMountFlags(t *testing.T) {
	config := newConfig(t)
	withCgroupMount(config, unix.MS_RDONLY)
	got := runShell(t, config, `awk '$5 ~ "^/sys/fs/cgroup" {print $6}' /proc/self/mountinfo | sort -u`)
	wantOutput(t, got, "ro,nosuid,nodev,noexec,relatime")
}

// A container without a mount of cgroups sees none.
func TestNoCgroupMount(t *testing.T) {
	wantOutput(t, runShell(t, newConfig(t), `ls /sys/fs/cgroup; grep -c cgroup /proc/self/mountinfo; true`), "0")
}

func TestUnifiedMount(t *testing.T) {
	config := newConfig(t)
	addMount(config, configs.Mount{Source: "cgroup2", Destination: "/mnt", Device: "cgroup2", Flags: unix.MS_RDONLY})
	unified := slices.ContainsFunc(hierarchies(t), func(h cgroups.Hierarchy) bool { return slices.Contains(h.Keys, "") })
	if !unified {
		p, _ := command("true")
		startFails(t, config, p, libcontainer.SystemError, "cgroup2", "/mnt", "v2")
		return
	}
	wantOutput(t, runShell(t, config, `grep -x -c $$ /mnt/cgroup.procs; (mkdir /mnt/sub) 2>&1 | sed 's/.*: //'`), "1\nRead-only file system")
}

func TestCgroupMountOverFile(t *testing.T) {
	config := newConfig(t)
	write(t, "", config.Rootfs, "mnt/file")
	addMount(config, configs.Mount{Source: "cgroup", Destination: "/mnt/file", Device: "cgroup"})
	p, _ := command("true")
	startFails(t, config, p, libcontainer.SystemError, "cgroup", "/mnt/file", "not a directory")
	if _, err := os.Stat(config.Rootfs + "/mnt/file"); err != nil {
		t.Error(err)
	}
}

// A hierarchy in which the container has no cgroup is an empty directory, on which another mount finds
// its place.
func TestCgroupMountWithoutACgroup(t *testing.T) {
	if unifiedOnly(t) {
		t.Skip("there is one hierarchy")
	}
	dir := filepath.Join("/sys/fs/cgroup/pids", cgroupParent+"-mine")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	}()
	config := newConfig(t)
	withCgroupMount(config, unix.MS_RDONLY)
	config.Cgroups.Paths, config.Cgroups.Memory, config.Cgroups.PidsLimit = map[string]string{"pids": dir}, 0, 0
	addMount(config, tmpfsOn("/sys/fs/cgroup/memory"))
	got := runShell(t, config, `ls /sys/fs/cgroup/freezer; grep -c ' /sys/fs/cgroup/memory tmpfs' /proc/self/mounts; test -e /sys/fs/cgroup/pids/tasks`)
	wantOutput(t, got, "1")
}
