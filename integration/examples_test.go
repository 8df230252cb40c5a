package integration

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestQuickstart(t *testing.T) {
	checkLeaks(t)
	bin, rootfs := buildProgram(t, "quickstart"), newRootfs(t)
	out, err := exec.Command(bin, "-rootfs", rootfs).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, text := range []string{"uid=0(root)", "where:     quickstart", "67108864 bytes", "proc on /proc", "cpu time"} {
		if !strings.Contains(string(out), text) {
			t.Errorf("the output does not say %q:\n%s", text, out)
		}
	}
	err = exec.Command(bin, "-rootfs", rootfs, "-cmd", "exit 7").Run()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 7 {
		t.Errorf("a command that exits with 7: error %v", err)
	}
	if out, err := exec.Command(bin, "-rootfs", "/nosuch").CombinedOutput(); err == nil || !strings.Contains(string(out), "/nosuch") {
		t.Errorf("a missing root file system: error %v, output %q", err, out)
	}
}

func TestClassicExample(t *testing.T) {
	checkLeaks(t)
	bin, rootfs := buildProgram(t, "classic"), newRootfs(t)
	cmd := exec.Command(bin, rootfs)
	cmd.Stdin = strings.NewReader("id -un; hostname; head -1 /proc/self/uid_map\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := strings.Fields(string(out)); strings.Join(got, " ") != "daemon testing 0 1000 65536" {
		t.Errorf("output %q", out)
	}
	// The sample's own root directory; nothing is left in it.
	if entries, err := os.ReadDir("/var/lib/container"); err != nil || len(entries) != 0 {
		t.Errorf("/var/lib/container holds %v, error %v", entries, err)
	}
}
