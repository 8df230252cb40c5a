//go:build linux

package cgthaw

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

func TestTree(t *testing.T) {
	top := t.TempDir()
	// One without the file is being removed.
	states := map[string]string{"": "THAWED\n", "a": "FROZEN\n", "a/b": "THAWED\n", "a/b/c": "FREEZING\n", "d": ""}
	for name, state := range states {
		dir := filepath.Join(top, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if state == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(state), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Tree(top, cgdir.Any); err != nil {
		t.Fatal(err)
	}
	for name, state := range map[string]string{"": "THAWED\n", "a": "THAWED", "a/b": "THAWED\n", "a/b/c": "THAWED"} {
		if got, err := os.ReadFile(filepath.Join(top, name, file)); err != nil || string(got) != state {
			t.Errorf("%q has %q, %v; want %q", name, got, err, state)
		}
	}
	if err := Tree(filepath.Join(top, "none"), cgdir.Any); err != nil {
		t.Errorf("no such cgroup: %v", err)
	}
	if err := Tree(top, cgdir.Cgroup); err == nil {
		t.Error("no error for a directory that is no cgroup")
	}
}
