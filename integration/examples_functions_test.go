package integration

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The examples of the package's page do what they say, on a root file system at the path that they
// name: see TestExamples of package libcontainer.
func TestExampleFunctions(t *testing.T) {
	checkLeaks(t)
	cmd := exec.CommandContext(t.Context(), buildProgram(t, "examples"), "-test.run=^TestExamples$", "-test.v")
	cmd.Env = append(os.Environ(), "LIBCONTAINER_EXAMPLES="+newRootfs(t))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := strings.Count(string(out), "--- PASS: TestExamples/Example"); n < 20 {
		t.Errorf("%d examples passed, want at least 20:\n%s", n, out)
	}
}
