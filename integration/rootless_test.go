package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

const unprivileged = 54321

// rootlessHost prepares a host program to be run by an unprivileged user.
func rootlessHost(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	rootfs := newRootfs(t)
	if out, err := exec.Command("chown", "-hR", itoa(unprivileged)+":"+itoa(unprivileged), rootfs).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	state := publicTempDir(t)
	if err := os.Chown(state, unprivileged, unprivileged); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if entries, _ := os.ReadDir(state); len(entries) != 0 {
			t.Errorf("left in the state directory: %v", entries)
		}
	})
	cmd := exec.Command(buildHost(t, "rootless"), append([]string{rootfs, state, cgroupParent}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
	return cmd
}

func TestRootless(t *testing.T) {
	checkLeaks(t)
	out, err := rootlessHost(t).CombinedOutput()
	if want := "0 0 rootless\n0 54321 1\n4\n"; err != nil || string(out) != want {
		t.Errorf("output %q, error %v; want %q", out, err, want)
	}
}

// With the ids that /etc/subuid and /etc/subgid grant, in a mount namespace that
// has such files.
func TestRootlessWithNewuidmap(t *testing.T) {
	checkLeaks(t)
	if _, err := exec.LookPath("newuidmap"); err != nil {
		t.Skip("newuidmap is not installed")
	}
	host := rootlessHost(t, "ids")
	dir := publicTempDir(t)
	granted := filepath.Join(dir, "subids")
	if err := os.WriteFile(granted, []byte(itoa(unprivileged)+":200000:1000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	user := append(passwd, "lctest:x:54321:54321::/:/bin/sh\n"...)
	if err := os.WriteFile(filepath.Join(dir, "passwd"), user, 0o644); err != nil {
		t.Fatal(err)
	}
	script := `for f in subuid subgid; do [ -e /etc/$f ] || : >/etc/$f; mount --bind ` + granted + ` /etc/$f || exit 1; done
mount --bind ` + dir + `/passwd /etc/passwd
exec setpriv --reuid 54321 --regid 54321 --clear-groups "$@"`
	cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, "sh"}, host.Args...)...)
	out, err := cmd.CombinedOutput()
	if want := "0 0 rootless\n0 54321 1\n1 200000 1000\n4\n"; err != nil || string(out) != want {
		t.Errorf("output %q, error %v; want %q", out, err, want)
	}
}

// Where cgroups can be made, Optional changes nothing.
func TestOptionalCgroupsOfRoot(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.Optional = true
	config.Cgroups.Memory = 64 << 20
	container := newContainer(t, config)
	startBlocked(t, container)
	if got := cgroupValue(t, container, "memory", "memory.limit_in_bytes"); got != "67108864" {
		t.Errorf("the limit is %s", got)
	}
}
