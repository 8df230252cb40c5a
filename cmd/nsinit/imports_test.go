package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPublicAPI makes sure that the command has nothing that another module could not have, and is
// not the init of its containers.
func TestPublicAPI(t *testing.T) {
	const module = "github.com/libcontainer/libcontainer"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{join .Imports "\n"}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSpace(path)
		found = found || path == module
		if strings.HasPrefix(path, module) && (strings.Contains(path+"/", "/internal/") || path == module+"/nsenter") {
			t.Errorf("it imports %s", path)
		}
	}
	if !found {
		t.Errorf("it does not import the library: %s", out)
	}
}

// TestStatic makes sure that the command runs on a machine, or in an initial ramfs, without libraries.
func TestStatic(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "nsinit")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), "readelf", "--program-headers", bin).CombinedOutput()
	if err != nil {
		t.Skipf("readelf: %v", err)
	}
	if strings.Contains(string(out), "INTERP") {
		t.Errorf("it needs a dynamic loader:\n%s", out)
	}
}
