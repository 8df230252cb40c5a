package integration

import (
	"os"
	"os/exec"
	"testing"
)

// Engines run their containers on nsinit: the scripts say what they check. Each takes minutes, and an
// engine that few machines have.
func TestPodman(t *testing.T) {
	for name, args := range map[string][]string{"root": nil, "user": {"--user"}} {
		t.Run(name, func(t *testing.T) { runEngine(t, "podman", args...) })
	}
}

func TestContainerd(t *testing.T) { runEngine(t, "containerd") }

func runEngine(t *testing.T, engine string, args ...string) {
	t.Helper()
	if os.Getenv("LIBCONTAINER_ENGINES") == "" {
		t.Skip("LIBCONTAINER_ENGINES is not set: make engines runs this")
	}
	if _, err := exec.LookPath(engine); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("engines/"+engine+".sh", append(args, buildProgram(t, "nsinit"))...)
	cmd.Env = append(os.Environ(), "LIBCONTAINER_CRIU="+criuPath())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", cmd, err, out)
	}
}
