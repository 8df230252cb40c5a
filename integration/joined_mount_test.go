//world:any

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// heldMountNamespace gives the pid of a process that has a mount namespace of its own, in
// which there is what the host has.
func heldMountNamespace(t *testing.T) (pid int) {
	t.Helper()
	holder := exec.Command("cat")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := holder.Wait(); err != nil {
			t.Error(err)
		}
	})
	return holder.Process.Pid
}

// A container whose mount namespace is one that it joins has its mounts and hidden paths
// made there, and nowhere else.
func TestMountsInJoinedNamespace(t *testing.T) {
	for name, noPivot := range map[string]bool{"pivot": false, "no pivot": true} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			pid := heldMountNamespace(t)
			config := newConfig(t)
			config.NoPivotRoot = noPivot
			config.Readonlyfs = true
			path := "/proc/" + itoa(pid) + "/ns/mnt"
			config.Namespaces.Add(configs.NEWNS, path)
			config.MaskPaths = append(config.MaskPaths, "/etc/passwd")
			addMount(config, tmpfsOn("/mnt/made"))
			before := lines(t, "/proc/self/mountinfo")
			container, err := newFactory(t).Create("test", config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := container.Destroy(); err != nil {
					t.Error(err)
				}
			}()
			ns, err := os.Readlink(path)
			if err != nil {
				t.Fatal(err)
			}
			const script = "readlink /proc/self/ns/mnt; wc -c </etc/passwd; stat -f -c %T /mnt/made; touch /x 2>&1; ls /"
			p, out := shell(script)
			if err := container.Start(p); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil {
				t.Errorf("wait: %v: %s", err, &out.stderr)
			}
			got := out.stdout.String()
			if !strings.HasPrefix(got, ns+"\n0\ntmpfs\ntouch: /x: Read-only file system\nbin\n") || strings.Contains(got, filepath.Base(config.Rootfs)) {
				t.Errorf("in the namespace %s the container says %q", ns, got)
			}
			if after := lines(t, "/proc/self/mountinfo"); len(added(before, after)) > 0 {
				t.Errorf("the host has the mounts %q", added(before, after))
			}
			if noPivot {
				return
			}
			// What joined the namespace before is in the container's root now.
			if _, err := os.Stat("/proc/" + itoa(pid) + "/root/mnt/made"); err != nil {
				t.Errorf("the root of the namespace: %v", err)
			}
		})
	}
}

// The host's own mount namespace is no place for mounts.
func TestMountsInHostNamespaceRefused(t *testing.T) {
	for field, edit := range map[string]func(*configs.Config){
		"Mounts":        func(c *configs.Config) { c.MaskPaths, c.ReadonlyPaths = nil, nil },
		"MaskPaths":     func(c *configs.Config) { c.Mounts = nil },
		"ReadonlyPaths": func(c *configs.Config) { c.Mounts, c.MaskPaths = nil, nil },
		"Readonlyfs":    func(c *configs.Config) { c.Mounts, c.MaskPaths, c.ReadonlyPaths, c.Readonlyfs = nil, nil, nil, true },
	} {
		config := newConfig(t)
		config.Namespaces.Remove(configs.NEWNS)
		edit(config)
		_, err := newFactory(t).Create("test", config)
		checkError(t, err, libcontainer.ConfigInvalid, field, "NEWNS", "the host's own")
	}
}
