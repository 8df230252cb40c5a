package integration

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Engines run their containers on nsinit: the scripts say what they check. Each takes minutes, and an
// engine that few machines have, or modules from the network; LIBCONTAINER_ENGINES names those that are
// there, such as "podman containerd dockerd validation critest".
func TestEngines(t *testing.T) {
	for name, args := range map[string][]string{
		"podman":               {"engines/podman.sh"},
		"podman, without root": {"engines/podman.sh", "--user"},
		"containerd":           {"engines/containerd.sh"},
		"dockerd":              {"engines/docker.sh"},
		"validation":           {"engines/validation.sh"},
		"critest":              {"engines/critest.sh"},
	} {
		t.Run(name, func(t *testing.T) {
			engine, _, _ := strings.Cut(name, ",")
			if !slices.Contains(strings.Fields(os.Getenv("LIBCONTAINER_ENGINES")), engine) {
				t.Skip("LIBCONTAINER_ENGINES does not name it: make engines runs this")
			}
			cmd := exec.Command(args[0], append(args[1:], buildProgram(t, "nsinit"))...)
			cmd.Env = append(os.Environ(), "LIBCONTAINER_CRIU="+criuPath())
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", cmd, err, out)
			}
		})
	}
}
