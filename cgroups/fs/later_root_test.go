//go:build linux

package fs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// inOwnMounts runs the test again in a mount namespace of its own, where it tells that it is
// inside.
func inOwnMounts(t *testing.T) (inside bool) {
	t.Helper()
	const mark = "CGROUPS_TEST_INSIDE"
	if os.Getenv(mark) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("it needs root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) && !strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// Only what is there is remembered: neither that no descriptor was free, nor that a hierarchy
// was not mounted.
func TestRootMountMadeLater(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	s, err := cgroups.ReadSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"pids", "memory"} {
		if _, err := s.Find(key); err != nil {
			t.Skipf("cgroup v1 has no controller %s here", key)
		}
	}
	if err := unix.Unmount(cgroups.DefaultMountpoint, unix.MNT_DETACH); err != nil { // this namespace's
		t.Fatal(err)
	}
	withoutDescriptors(t, func() {
		if _, err := cgroups.CurrentSnapshot(); !errors.Is(err, unix.EMFILE) {
			t.Errorf("without a descriptor: %v", err)
		}
	})
	m := func() *Manager {
		return &Manager{Cgroups: &configs.Cgroup{
			Name: "later", Parent: "/later-" + filepath.Base(os.Args[0]),
			Resources: &configs.Resources{AllowAllDevices: true, PidsLimit: 5},
		}}
	}
	if _, _, err := m().Plan(); !cgroups.IsNotFound(err) {
		t.Errorf("plan without any hierarchy: %v", err)
	}
	if _, err := cgroups.DetectLayout(); !cgroups.IsNotFound(err) {
		t.Errorf("layout without any hierarchy: %v", err)
	}
	dir := t.TempDir()
	mount := func(key string) string {
		point := filepath.Join(dir, key)
		if err := os.Mkdir(point, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("cgroup", point, "cgroup", 0, key); err != nil {
			t.Skipf("mount the hierarchy of %s: %v", key, err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		return point
	}
	memory := mount("memory")
	if layout, err := cgroups.DetectLayout(); err != nil || layout != cgroups.LayoutV1 {
		t.Errorf("layout %v, error %v", layout, err)
	}
	if got, err := cgroups.FindCgroupMountpoint("memory"); err != nil || got != memory {
		t.Errorf("memory is at %q, error %v", got, err)
	}
	if paths, _, err := m().Plan(); err != nil || paths["pids"] != "" || !strings.HasPrefix(paths["memory"], memory) {
		t.Errorf("plan with the hierarchy of memory: %v, error %v", paths, err)
	}
	pids := mount("pids")
	if paths, _, err := m().Plan(); err != nil || !strings.HasPrefix(paths["pids"], pids) {
		t.Errorf("plan with the hierarchy of pids, too: %v, error %v", paths, err)
	}
	if got, err := cgroups.FindCgroupMountpoint("pids"); err != nil || got != pids {
		t.Errorf("pids is at %q, error %v", got, err)
	}
}

// withoutDescriptors calls f while no descriptor is free.
func withoutDescriptors(t *testing.T, f func()) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 3 // those of the standard streams
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}
