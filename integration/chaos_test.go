package integration

import (
	"os/exec"
	"strings"
	"testing"
)

// The crash test of make chaos, in short. It has namespaces and cgroups of its
// own and looks itself for what is left.
func TestChaos(t *testing.T) {
	checkLeaks(t)
	kills := "25"
	if testing.Short() {
		kills = "5"
	}
	out, err := exec.Command(buildProgram(t, "chaos"), "-rootfs", newRootfs(t), "-kills", kills).CombinedOutput()
	if err != nil || !strings.Contains(string(out), kills+" kills, nothing left") {
		t.Errorf("%v:\n%s", err, out)
	}
	t.Logf("%s", out)
}
