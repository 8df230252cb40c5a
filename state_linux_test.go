package libcontainer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func TestStateRoundTrip(t *testing.T) {
	dir := t.TempDir()
	in := &State{
		BaseState: BaseState{ID: "a", InitProcessPid: 7, InitProcessStartTime: "99", Config: configs.Config{
			Rootfs: "/r",
			Cgroups: &configs.Cgroup{Name: "n", Resources: &configs.Resources{
				BlkioThrottleReadBpsDevice: []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 1, 1024)},
			}},
		}},
		CgroupPaths: map[string]string{"cpu": "/c"},
	}
	for range 2 { // the second one replaces the first
		if _, err := writeState(dir, in); err != nil {
			t.Fatal(err)
		}
	}
	out, err := readState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if out.ID != "a" || out.InitProcessPid != 7 || out.CgroupPaths["cpu"] != "/c" || out.Config.Rootfs != "/r" {
		t.Errorf("read back %+v", out)
	}
	if d := out.Config.Cgroups.BlkioThrottleReadBpsDevice[0]; d.Major != 8 || d.Minor != 1 || d.Rate != 1024 {
		t.Errorf("throttle device read back as %+v", d)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestReadStateRefusesBadFiles(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "truncated": `{"id":"a"`, "negative pid": `{"id":"a","init_process_pid":-1}`, "wrong type": `{"id":7}`,
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, stateName)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readState(dir); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v, want one that names %s", name, err, file)
		}
	}
	if _, err := readState(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: error %v", err)
	}
}

func TestInitRef(t *testing.T) {
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ref, err := newInitRef(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer ref.close()
	if alive, err := ref.alive(); err != nil || !alive {
		t.Errorf("running process: alive %v, error %v", alive, err)
	}
	if other, err := findInit(ref.pid, ref.start+"0"); err != nil {
		t.Error(err)
	} else if alive, _ := other.alive(); alive {
		t.Error("a process with another start time was taken for ours")
	}
	stdin.Close()
	if err := ref.await(t.Context()); err != nil {
		t.Error(err)
	}
	if alive, _ := ref.alive(); alive {
		t.Error("a zombie counts as alive")
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if err := ref.kill(unix.SIGKILL); err != nil {
		t.Errorf("killing a dead process: %v", err)
	}
	if gone, err := findInit(ref.pid, ref.start); err != nil {
		t.Error(err)
	} else if alive, _ := gone.alive(); alive {
		t.Error("a reaped process counts as alive")
	}
}

// A command may have a name that looks like the rest of the line.
func TestStartTimeOfHostileName(t *testing.T) {
	dir := t.TempDir()
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "a) R 1 2 (b")
	if err := os.Symlink(cat, name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	start, err := startTime(cmd.Process.Pid)
	if err != nil || len(start) < 2 || strings.Trim(start, "0123456789") != "" {
		t.Errorf("start time %q, error %v", start, err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
